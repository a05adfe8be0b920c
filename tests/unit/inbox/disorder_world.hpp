// Customers, invoices, services, saved methods and three gateways, to which anything may happen in any order: cards
// tells what happens by webhooks that may be late, doubled, reordered or lost; quiet tells nothing by itself; the bank
// is confirmed by staff. Each act is chosen and shaped by a number, so that a sequence of acts can be said again, and
// with some left out.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fake_gateway.hpp"
#include "inbox/inbox.hpp"
#include "invoicing/rules.hpp"
#include "notices/outbox.hpp"
#include "payments/detach.hpp"
#include "payments/disputes.hpp"
#include "payments/lapse.hpp"
#include "payments/methods.hpp"
#include "payments/payments.hpp"
#include "payments/refunds.hpp"
#include "payments/setups.hpp"
#include "scheduler/step.hpp"
#include "services/services.hpp"
#include "support/clock.hpp"
#include "support/database.hpp"
#include "support/vault.hpp"

namespace bursar::test {

// Every body is genuine and stands for the event it was made with.
class Told final : public inbox::Webhook, public inbox::Webhooks {
 public:
  [[nodiscard]] int concurrency() const override { return 1; }
  inbox::WebhookAnswer handle(const inbox::WebhookRequest& request) override {
    return {.verdict = inbox::WebhookVerdict::accepted, .events = {events.at(request.body)}, .status = 200};
  }
  [[nodiscard]] std::vector<std::string> list() const override { return {"cards"}; }
  [[nodiscard]] inbox::Webhook* find(std::string_view instance) override {
    return instance == "cards" ? this : nullptr;
  }
  std::map<std::string, inbox::WebhookEvent> events;
};

class DisorderGateways final : public payments::Gateways {
 public:
  FakeGateway cards{in_full("cards")};
  FakeGateway quiet{in_full("quiet")};
  FakeGateway bank{{.instance = "bank", .display_name = "Bank transfer", .staff_confirms = true, .currencies = {}}};

  [[nodiscard]] std::vector<payments::GatewayInfo> list() const override {
    return {cards.info(), quiet.info(), bank.info()};
  }
  [[nodiscard]] payments::Gateway* find(std::string_view instance) override {
    if (instance == "cards") return &cards;
    if (instance == "quiet") return &quiet;
    return instance == "bank" ? &bank : nullptr;
  }

 private:
  static payments::GatewayInfo in_full(std::string instance) {
    return {.instance = std::move(instance),
            .display_name = "Gateway",
            .stored_methods = true,
            .setups = true,
            .voids = true,
            .refunds = true,
            .partial_refunds = true,
            .currencies = {}};
  }
};

class DisorderWorld {
 public:
  struct Act {
    std::string_view name;
    void (DisorderWorld::*run)();
    unsigned weight;  // how often it is chosen
  };
  static const std::vector<Act>& acts();

  explicit DisorderWorld(storage::Backend backend);

  void begin_sequence(unsigned seed);  // a new customer with a few invoices
  void act(const Act& act, unsigned seed);
  void end_sequence();  // what was under way comes to its end; what was lost stays lost
  // Sentences about what is wrong; none: both books agree and every invariant holds.
  std::vector<std::string> faults();

 private:
  using Book = std::map<std::string, std::int64_t>;  // by instance and the gateway's reference, in minor units

  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
  bool one_in(unsigned n) { return pick(n) == 0; }
  template <class T>
  const T& any(const std::vector<T>& of) {
    return of[pick(static_cast<unsigned>(of.size()))];
  }
  Money usd(std::int64_t minor) const { return {minor, dollar_}; }
  Money some(unsigned below) { return usd(1 + pick(below)); }
  // A gateway takes another amount than it was asked for, or another currency.
  std::optional<Money> something_else();
  // What is refused leaves nothing behind, as a request of the API does not.
  void attempt(const std::function<bool(storage::Transaction&)>& act);
  std::vector<payments::Payment> made(std::string_view gateway = {});
  // Those of cards whose money is there by its own book, and not sent back by hand.
  std::vector<payments::Payment> taken_by_cards();
  InvoiceId issue(std::int64_t minor);
  std::vector<payments::PaymentMethod> saved_methods(std::string_view gateway = {});
  void run(scheduler::Step& step);

  FakeGateway& fake(std::string_view gateway) { return gateway == "cards" ? gateways_.cards : gateways_.quiet; }
  std::string either() { return one_in(3) ? "quiet" : "cards"; }
  void script_an_answer(FakeGateway& gateway);
  payments::NewPayment random_payment(std::string gateway);

  void pay();
  void pay_by_transfer();
  void staff_confirm();
  void staff_dismiss();
  void pay_several();
  void pay_several_again();
  void give_up_paying_several();
  void add_credit();
  void grant_credit();
  void daily_run();
  void customer_acts();
  void customer_approves();
  void die();
  void die_in_an_effect();
  void webhook();
  void webhook_of_refund();
  void deliver_again();
  void refund();
  void refund_at_the_gateway();
  void refund_by_hand();
  void refund_bounces();
  void dispute();
  void stray_money();
  void staff_assign();
  void staff_return();
  void staff_look_into_unclear();
  void order_service();
  void change_plan();
  void withdraw_plan_change();
  void hold();
  void lift_hold();
  void save_method();
  void webhook_of_setup();
  void remove_method();
  void order_methods();
  void apply_credit();
  void void_invoice();
  void credit_note();
  void write_off();
  void new_invoice();
  void switch_autopay();
  void time_passes();
  void read_all();

  // An event that is sent now, later, twice or never.
  enum class Delivery { may_be_lost, arrives };
  void tell(inbox::WebhookEvent event, Delivery delivery);
  void send(const std::string& body);
  inbox::WebhookEvent success_of(const std::string& id, Money amount) const;
  void tell_of_dispute(const std::string& reference, const payments::Payment& payment, Money amount,
                       inbox::WebhookEventKind kind);

  Book gateways_book();
  Book our_book();
  void compare(std::vector<std::string>& faults);
  void ask_for_loose_ends(std::vector<std::string>& faults);
  void compare_methods(std::vector<std::string>& faults);
  void look_for_untold(FakeGateway& gateway, std::vector<std::string>& faults);
  // That a refund is at the gateway and not in our books as it is there.
  bool told_to_staff(const std::string& reference);
  std::int64_t number(storage::Sql sql);

  const Currency dollar_ = Currency::parse("USD").value(), euro_ = Currency::parse("EUR").value();
  const accounts::Actor staff_{.kind = accounts::ActorKind::staff};
  const accounts::Actor customer_{.kind = accounts::ActorKind::user};
  TestDatabase db_;
  ManualClock clock_{"2027-03-01T12:00:00Z"};
  const settings::Config config_;
  const invoicing::Rules rules_{config_};
  const notices::Outbox outbox_{config_, {"mail"}};
  const IdCodec codec_{IdCodec::Key{1, 2, 3}};
  const Vault vault_{open_vault(*db_)};
  DisorderGateways gateways_;
  Told told_;
  bool serving_ = true;  // false: what is recorded is not performed on the spot, as the process dies
  payments::Context context_;
  payments::Payments payments_{context_};
  payments::ChargeHandler charges_{context_};
  payments::CompleteHandler completes_{context_};
  payments::RefundHandler refunds_{context_};
  payments::Setups setups_{context_};
  payments::SetupHandler saving_{context_};
  payments::DetachHandler detaching_{context_};
  payments::VoidHandler voiding_{context_};
  inbox::Inbox inbox_{context_, told_};
  effects::Workers workers_;

  std::mt19937 random_;
  AccountId account_;
  std::vector<InvoiceId> invoices_;
  ProductId small_, large_;
  std::vector<std::string> under_way_;  // bodies of events that will be delivered
  Book elsewhere_;                      // money that moved at the gateway without a call of ours
  std::set<std::string> taken_back_;    // ids of payments that were disputed or refunded there
  int told_so_far_ = 0, elsewhere_so_far_ = 0;
};

}  // namespace bursar::test
