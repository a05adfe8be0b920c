// A gateway with a book of its own: what it took, whatever it answered. Safe for concurrent calls.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "payments/gateway.hpp"

namespace bursar::test {

enum class Act {
  succeed,
  succeed_without_answer,  // takes the money, then the connection breaks
  vanish,                  // takes nothing, then the connection breaks
  unreachable,
  decline_soft,
  decline_final,
  need_action,
  stay_pending,
};

class FakeGateway final : public payments::Gateway {
 public:
  explicit FakeGateway(payments::GatewayInfo info) : info_(std::move(info)) {}

  [[nodiscard]] const payments::GatewayInfo& info() const override { return info_; }
  payments::GatewayAnswer begin(const payments::ChargeRequest& r) override { return charge(r); }
  payments::GatewayAnswer charge(const payments::ChargeRequest& r) override {
    return answered(r.payment_id, [&] {
      ++charges_;
      asked_.insert_or_assign(r.payment_id, r.amount);
      charge_ = r;
      if (r.save_method) keeping_.insert(r.payment_id);
      return act(next(), r.payment_id, take_ ? *take_ : r.amount);
    });
  }
  payments::GatewayAnswer refund(const payments::RefundRequest& r) override {
    return answered(r.refund_id, [&] {
      asked_.insert_or_assign(r.refund_id, -r.amount);
      return act(next(), r.refund_id, -r.amount);
    });
  }
  payments::GatewayAnswer complete(const payments::CompleteRequest& r) override {
    return answered(r.payment_id, [&] {
      complete_keys_.push_back(r.idempotency_key);
      const Act what = next();
      if (what != Act::vanish && what != Act::unreachable) approved_.erase(r.payment_id);
      return act(what, r.payment_id, r.amount);
    });
  }
  payments::GatewayAnswer void_payment(const payments::VoidRequest& r) override {
    using payments::GatewayOutcome;
    const std::lock_guard lock(mutex_);
    void_keys_.push_back(r.idempotency_key);
    const Act what = voiding_.empty() ? Act::succeed : voiding_.front();
    if (!voiding_.empty()) voiding_.pop_front();
    if (what == Act::unreachable) return {.outcome = GatewayOutcome::not_attempted, .error = "connection refused"};
    if (what == Act::vanish) return {.error = "connection reset"};
    if (book_.contains(r.payment_id)) return {.outcome = GatewayOutcome::declined, .decline_text = "it is paid"};
    if (waiting_.erase(r.payment_id) + approved_.erase(r.payment_id) > 0) declined_.insert(r.payment_id);
    if (what == Act::succeed_without_answer) return {.error = "connection reset"};
    return {.outcome = GatewayOutcome::succeeded, .reference = r.payment_id + "-tx"};
  }
  payments::GatewayAnswer setup(const payments::SetupRequest& r) override {
    const std::lock_guard lock(mutex_);
    setup_ = r;
    ++setups_;
    return act_on_setup(next(), r.setup_id);
  }
  payments::GatewayAnswer lookup_setup(const std::string& id, const std::string&) override {
    const std::lock_guard lock(mutex_);
    ++lookups_;
    if (silent_) return {.outcome = payments::GatewayOutcome::unknown, .error = "no answer"};
    if (saved_.contains(id)) return saved_method(id);
    if (saving_.contains(id)) return page(id);
    return {.outcome = payments::GatewayOutcome::not_attempted};
  }
  std::string detach(const payments::DetachRequest& r) override {
    const std::lock_guard lock(mutex_);
    detach_keys_.push_back(r.idempotency_key);
    if (deaf_) return "connection refused";
    detached_.insert(r.method_token);
    return {};
  }
  payments::GatewayAnswer lookup(const std::string& id, const std::string&, Money) override {
    const std::lock_guard lock(mutex_);
    ++lookups_;
    if (silent_) return {.outcome = payments::GatewayOutcome::unknown, .error = "no answer"};
    if (const auto taken = book_.find(id); taken != book_.end()) return success(id, taken->second);
    if (approved_.contains(id)) {
      return {.outcome = payments::GatewayOutcome::pending, .reference = id + "-order", .ready = true};
    }
    if (waiting_.contains(id) && asking_.contains(id)) return page_to_confirm();
    if (waiting_.contains(id)) return {.outcome = payments::GatewayOutcome::pending, .reference = id + "-tx"};
    if (declined_.contains(id)) {
      return {.outcome = payments::GatewayOutcome::declined,
              .decline_class = declined_as_,
              .decline_text = "The card was declined."};
    }
    return {.outcome = payments::GatewayOutcome::not_attempted};
  }

  // What the next calls do, in order; after that all succeed.
  void script(std::initializer_list<Act> acts) {
    const std::lock_guard lock(mutex_);
    acts_.insert(acts_.end(), acts);
  }
  // Called with our id when a charge, refund or completion has been acted on, before its caller hears of it.
  void before_answering(std::function<void(const std::string&)> hook) { before_answering_ = std::move(hook); }
  void forget_script() {
    const std::lock_guard lock(mutex_);
    acts_.clear();
  }
  void limit_to(payments::AmountLimit limit) { info_.limits = {limit}; }
  void refuse_voids() { info_.voids = false; }
  void script_voids(std::initializer_list<Act> acts) {
    const std::lock_guard lock(mutex_);
    voiding_.insert(voiding_.end(), acts);
  }
  [[nodiscard]] std::vector<std::string> void_keys() {
    const std::lock_guard lock(mutex_);
    return void_keys_;
  }
  void take(std::optional<Money> amount) { take_ = amount; }  // instead of what is asked
  void charge_fee(Money fee) { fee_ = fee; }
  void use_reference(std::string text) { reference_ = std::move(text); }
  void fall_silent(bool silent) { silent_ = silent; }  // lookups find out nothing
  // The customer acted, or the bank moved: money of a waiting charge arrives.
  void complete_waiting() {
    const std::lock_guard lock(mutex_);
    for (const auto& id : waiting_) book_.emplace(id, asked_.at(id));
    waiting_.clear();
  }
  // The code of the declines to come.
  void decline_with(std::string code) {
    const std::lock_guard lock(mutex_);
    declines_with_ = std::move(code);
  }
  // What waits will never be taken.
  void decline_waiting(payments::DeclineClass decline_class) {
    const std::lock_guard lock(mutex_);
    declined_as_ = decline_class;
    declined_.merge(waiting_);
  }
  // The customer acted on the pages where they save a method.
  void finish_setups() {
    const std::lock_guard lock(mutex_);
    saved_.merge(saving_);
  }
  void be_deaf(bool deaf) { deaf_ = deaf; }  // to what it shall forget
  [[nodiscard]] std::vector<std::string> detach_keys() {
    const std::lock_guard lock(mutex_);
    return detach_keys_;
  }
  [[nodiscard]] payments::ChargeRequest last_charge() {
    const std::lock_guard lock(mutex_);
    return charge_.value();
  }
  [[nodiscard]] payments::SetupRequest last_setup() {
    const std::lock_guard lock(mutex_);
    return setup_.value();
  }
  // The setups whose method it keeps, and what it says of one.
  [[nodiscard]] std::set<std::string> saved() {
    const std::lock_guard lock(mutex_);
    return saved_;
  }
  [[nodiscard]] static payments::GatewayAnswer saved_by(const std::string& setup) { return saved_method(setup); }
  [[nodiscard]] int setups() { return locked(setups_); }
  // The customer approved what waits for it; the money is taken by `complete`.
  void approve_waiting() {
    const std::lock_guard lock(mutex_);
    for (const auto& id : waiting_) {
      if (asked_.at(id).is_positive()) approved_.insert(id);
    }
    for (const auto& id : approved_) waiting_.erase(id);
  }
  // What moved under this id came back: a refund that the receiving bank did not take.
  void undo(const std::string& id) {
    const std::lock_guard lock(mutex_);
    book_.erase(id);
  }
  [[nodiscard]] std::vector<std::string> complete_keys() {
    const std::lock_guard lock(mutex_);
    return complete_keys_;
  }
  [[nodiscard]] Money taken(Currency currency) {
    const std::lock_guard lock(mutex_);
    Money sum = Money::zero(currency);
    for (const auto& [id, amount] : book_) sum += amount;
    return sum;
  }
  // By our id; refunds are negative.
  [[nodiscard]] std::map<std::string, Money> book() {
    const std::lock_guard lock(mutex_);
    return book_;
  }
  // Ids for which money moved more than once, whatever key the call had.
  [[nodiscard]] std::set<std::string> moved_twice() {
    const std::lock_guard lock(mutex_);
    return moved_twice_;
  }
  [[nodiscard]] bool has_detached(const std::string& token) {
    const std::lock_guard lock(mutex_);
    return detached_.contains(token);
  }
  [[nodiscard]] int charges() { return locked(charges_); }
  [[nodiscard]] int lookups() { return locked(lookups_); }

 private:
  template <class Acting>
  payments::GatewayAnswer answered(const std::string& id, const Acting& acting) {
    payments::GatewayAnswer answer;
    {
      const std::lock_guard lock(mutex_);
      answer = acting();
    }
    if (before_answering_) before_answering_(id);
    return answer;
  }
  int locked(const int& value) {
    const std::lock_guard lock(mutex_);
    return value;
  }
  Act next() {
    if (acts_.empty()) return Act::succeed;
    const Act act = acts_.front();
    acts_.pop_front();
    return act;
  }
  static payments::GatewayMethod method_of(const std::string& id) {
    return {.token = "tok-" + id, .type = "card", .label = "Fake ending 0001"};
  }
  static payments::GatewayAnswer saved_method(const std::string& id) {
    return {.outcome = payments::GatewayOutcome::succeeded, .reference = id + "-tx", .method = method_of(id)};
  }
  static payments::GatewayAnswer page_to_confirm() {
    return {.outcome = payments::GatewayOutcome::requires_action,
            .action = {.type = "redirect", .url = "https://gateway.example.com/act", .text = "Confirm"}};
  }
  static payments::GatewayAnswer page(const std::string& id) {
    return {
        .outcome = payments::GatewayOutcome::requires_action,
        .reference = id + "-page",
        .action = {
            .type = "form", .url = "https://gateway.example.com/save", .text = "Confirm", .fields = {{"token", id}}}};
  }
  payments::GatewayAnswer act_on_setup(Act act, const std::string& id) {
    using payments::GatewayOutcome;
    switch (act) {
      case Act::succeed:
        saved_.insert(id);
        return saved_method(id);
      case Act::succeed_without_answer:
        saved_.insert(id);
        return {.error = "connection reset"};
      case Act::vanish:
        return {.error = "connection reset"};
      case Act::unreachable:
        return {.outcome = GatewayOutcome::not_attempted, .error = "connection refused"};
      case Act::decline_soft:
      case Act::decline_final:
        return {
            .outcome = GatewayOutcome::declined, .decline_code = "declined", .decline_text = "The card was declined."};
      case Act::need_action:
        saving_.insert(id);
        return page(id);
      case Act::stay_pending:
        saving_.insert(id);
        return {.outcome = GatewayOutcome::pending};
    }
    return {};
  }
  payments::GatewayAnswer success(const std::string& id, Money amount) {
    return {.outcome = payments::GatewayOutcome::succeeded,
            .processed = amount.is_negative() ? -amount : amount,
            .fee = fee_,
            .reference = reference_.empty() ? id + "-tx" : reference_,
            .method = keeping_.contains(id) ? std::optional(method_of(id)) : std::nullopt};
  }
  void move(const std::string& id, Money amount) {
    if (!book_.emplace(id, amount).second) moved_twice_.insert(id);
  }
  payments::GatewayAnswer act(Act act, const std::string& id, Money amount) {
    using payments::GatewayOutcome;
    switch (act) {
      case Act::succeed:
        move(id, amount);
        return success(id, amount);
      case Act::succeed_without_answer:
        move(id, amount);
        return {.error = "connection reset"};
      case Act::vanish:
        return {.error = "connection reset"};
      case Act::unreachable:
        return {.outcome = GatewayOutcome::not_attempted, .error = "connection refused"};
      case Act::decline_soft:
      case Act::decline_final:
        return {
            .outcome = GatewayOutcome::declined,
            .decline_class = act == Act::decline_soft ? payments::DeclineClass::soft : payments::DeclineClass::final,
            .decline_code = declines_with_,
            .decline_text = "The card was declined."};
      case Act::need_action:
        waiting_.insert(id);
        asking_.insert(id);
        return page_to_confirm();
      case Act::stay_pending:
        waiting_.insert(id);
        return {.outcome = GatewayOutcome::pending};
    }
    return {};
  }

  payments::GatewayInfo info_;
  std::function<void(const std::string&)> before_answering_;
  std::mutex mutex_;
  std::deque<Act> acts_;
  std::map<std::string, Money> book_;  // by our id; refunds are negative
  std::map<std::string, Money> asked_;
  std::set<std::string> waiting_;
  std::set<std::string> asking_;  // of them, for the customer
  std::deque<Act> voiding_;
  std::vector<std::string> void_keys_;
  std::set<std::string> declined_;
  std::string declines_with_ = "declined";
  payments::DeclineClass declined_as_ = payments::DeclineClass::unspecified;
  std::set<std::string> moved_twice_;
  std::set<std::string> approved_;
  std::vector<std::string> complete_keys_;
  std::set<std::string> saving_;  // setups whose customer is at the page
  std::set<std::string> saved_;
  std::set<std::string> keeping_;  // payments whose method is kept
  std::optional<payments::ChargeRequest> charge_;
  std::optional<payments::SetupRequest> setup_;
  std::vector<std::string> detach_keys_;
  bool deaf_ = false;
  int setups_ = 0;
  std::set<std::string> detached_;
  std::optional<Money> take_, fee_;
  std::string reference_;
  bool silent_ = false;
  int charges_ = 0, lookups_ = 0;
};

class FakeGateways final : public payments::Gateways {
 public:
  FakeGateway cards{{.instance = "cards",
                     .display_name = "Cards",
                     .stored_methods = true,
                     .setups = true,
                     .voids = true,
                     .refunds = true,
                     .partial_refunds = true,
                     .currencies = {},
                     .concurrency = 8}};
  FakeGateway bank{{.instance = "bank", .display_name = "Bank transfer", .staff_confirms = true, .currencies = {}}};

  FakeGateway wallet{{.instance = "wallet", .display_name = "Wallet", .stored_methods = true, .currencies = {}}};
  bool cards_gone = false;

  [[nodiscard]] std::vector<payments::GatewayInfo> list() const override { return {cards.info(), bank.info()}; }
  [[nodiscard]] payments::Gateway* find(std::string_view instance) override {
    if (instance == "cards") return cards_gone ? nullptr : &cards;
    if (instance == "wallet") return &wallet;
    if (instance == "bank") return &bank;
    return nullptr;
  }
};

}  // namespace bursar::test
