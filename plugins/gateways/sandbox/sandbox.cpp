// A gateway for tries and tests that behaves like a card provider's test mode; README.md has the table of magic amounts
// and tokens.
#include <bursar/plugin.hpp>

#include <thread>

#include "book.hpp"
#include "magic.hpp"
#include "webhooks.hpp"

namespace {

using bursar::Call;
using bursar::Payment;
using sandbox::Behaviour;
using sandbox::Book;
using sandbox::Entry;
using sandbox::State;

constexpr bursar::Choice behaviours[] = {
    {"success", "Succeed"},
    {"decline_soft", "Decline, may pass later"},
    {"decline_final", "Decline for good"},
    {"action", "Require an action"},
    {"delayed", "Settle later"},
    {"timeout", "Charge, then time out"},
    {"refused", "Refuse connection"},
    {"partial", "Settle for half of the amount"},
    {"abandoned", "Require an action that nobody takes"},
    {"form", "Require a form to be posted"},
    {"approve", "Require an approval, then the completion"},
    {"approve_timeout", "Require an approval, then time out as it is completed"},
    {"dispute", "Succeed, and be disputed later"},
    {"dispute_won", "The same, and the dispute is won"},
    {"dispute_lost", "The same, and the dispute is lost"},
};

class Sandbox final {
 public:
  static constexpr bursar::Info info{
      .kind = bursar::Kind::gateway,
      .name = "Sandbox",
      .summary = "Cards in test mode: no money moves, magic amounts and tokens choose the outcome.",
      .vendor = "Bursar",
      .license = "Apache-2.0",
      .concurrent = true};
  static constexpr bursar::Setting settings[] = {
      {.key = "behaviour",
       .type = bursar::SettingType::choice,
       .label = "Behaviour",
       .help = "What happens to a charge that is not magic.",
       .default_value = "success",
       .choices = behaviours},
      {.key = "settle_after",
       .type = bursar::SettingType::duration,
       .label = "Settle after",
       .help = "How long a delayed payment stays pending, and until a dispute opens, by Bursar's clock.",
       .default_value = "5s",
       .minimum = 0,
       .maximum = 30LL * 86'400'000},
      {.key = "latency",
       .type = bursar::SettingType::duration,
       .label = "Latency",
       .help = "How long the answer to a charge, refund or lookup takes, in real time.",
       .default_value = "0s",
       .minimum = 0,
       .maximum = 60'000},
      {.key = "display_name",
       .label = "Name for customers",
       .help = "What customers choose.",
       .default_value = "Test card",
       .maximum = 80},
      {.key = "webhook_secret",
       .type = bursar::SettingType::secret,
       .label = "Webhook secret",
       .help = "Signs the webhooks; without it none is believed."},
      {.key = "webhook_tolerance",
       .type = bursar::SettingType::duration,
       .label = "Webhook tolerance",
       .help = "How far a webhook's signed time may be from its arrival, either way.",
       .default_value = "5m",
       .minimum = 1'000,
       .maximum = 86'400'000},
      {.key = "book_file",
       .label = "File of the book",
       .help = "For tests: the book is kept in this file instead of Bursar's store, as a gateway's memory is its own.",
       .maximum = 4096},
  };
  static constexpr std::string_view needs[] = {BURSAR_STORE_ID, BURSAR_CLOCK_ID, BURSAR_CRYPTO_ID};

  Sandbox(bursar::Host host, const bursar::Settings& settings)
      : host_(host),
        book_(sandbox::Shelf(host, settings.text("book_file"))),
        otherwise_(sandbox::behaviour_named(settings.text("behaviour"))),
        settle_after_(settings.duration("settle_after")),
        latency_(settings.duration("latency")),
        display_name_(settings.text("display_name")),
        webhook_secret_(settings.text("webhook_secret")),
        webhook_tolerance_(settings.duration("webhook_tolerance")) {}

  [[nodiscard]] bursar::PaymentOptions payment_options() const {
    return {.capabilities = BURSAR_PAYMENT_CAN_STORE_METHODS | BURSAR_PAYMENT_CAN_REFUND_PARTLY,
            .display_name = display_name_};
  }

  Payment begin(Call& call, const bursar::Charge& charge) { return this->charge(call, charge); }

  Payment charge(Call& call, const bursar::Charge& charge) {
    std::this_thread::sleep_for(latency_);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      const std::optional<Book::Found> before = book_.find(call, charge.payment_id);
      // A payment is charged once; only a declined one may be tried anew, and then under a new key.
      if (before && (before->entry.state != State::declined || before->entry.key == call.idempotency_key())) {
        book_.note_again(call, "charge", charge.payment_id);
        return answer(call, *before);
      }
      const Behaviour behaviour = sandbox::behaviour_of_charge(charge.method_token, charge.amount.minor, otherwise_);
      if (behaviour == Behaviour::refuse_connection) throw bursar::NotAttempted("sandbox: connection refused");
      const Entry entry = new_entry(call, charge, behaviour);
      if (!(before ? book_.replace(call, *before, entry) : book_.add(call, entry))) continue;
      if (behaviour == Behaviour::time_out_after)
        throw bursar::OutcomeUnknown("sandbox: no answer in time, though the charge was made");
      return payment_of(entry);
    }
    throw bursar::OutcomeUnknown("sandbox: the book changed too often");
  }

  Payment refund(Call& call, const bursar::Refund& refund) {
    std::this_thread::sleep_for(latency_);
    const Behaviour behaviour = sandbox::behaviour_of_refund(refund.amount.minor);
    if (behaviour == Behaviour::refuse_connection) throw bursar::NotAttempted("sandbox: connection refused");
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      const std::optional<Book::Found> before = book_.find(call, refund.payment_id);
      if (!before || settled(before->entry).state != State::charged) {
        return Payment::declined(bursar::Decline::final, "other", "no such charge to refund");
      }
      for (const sandbox::RefundEntry& done : before->entry.refunds) {
        if (done.id != refund.refund_id && done.key != call.idempotency_key()) continue;
        book_.note_again(call, "refund", refund.refund_id);
        return refunded(before->entry, done);
      }
      if (behaviour == Behaviour::decline_final)
        return Payment::declined(bursar::Decline::final, "other", "the refund was declined");
      Entry after = settled(before->entry);
      if (after.dispute && (after.dispute->is_open(now()) || (after.dispute->is_over(now()) && !after.dispute->won))) {
        return Payment::declined(bursar::Decline::final, "other", "the charge is disputed");
      }
      if (refund.amount.minor <= 0 || refund.amount.currency != after.currency ||
          refund.amount.minor > after.minor - after.refunded()) {
        return Payment::declined(bursar::Decline::final, "amount_out_of_range", "more than what is left of the charge");
      }
      after.refunds.push_back(
          {std::string(refund.refund_id), std::string(call.idempotency_key()), refund.amount.minor});
      book_.name_refund(call, refund.refund_id, refund.payment_id);
      if (!book_.replace(call, *before, after)) continue;
      if (behaviour == Behaviour::time_out_after)
        throw bursar::OutcomeUnknown("sandbox: no answer in time, though the refund was made");
      return refunded(after, after.refunds.back());
    }
    throw bursar::OutcomeUnknown("sandbox: the book changed too often");
  }

  // Saves the test card once the customer has come back, which is `settle_after` later.
  Payment setup(Call& call, const bursar::MethodSetup& setup) {
    const Behaviour behaviour = sandbox::behaviour_of_setup(setup.customer_email);
    if (behaviour == Behaviour::refuse_connection) throw bursar::NotAttempted("sandbox: connection refused");
    const sandbox::SetupEntry entry =
        book_.add_setup(call, setup.setup_id, {.behaviour = behaviour, .settles_at = now() + settle_after_.count()});
    if (behaviour == Behaviour::time_out_after)
      throw bursar::OutcomeUnknown("sandbox: no answer in time, though the card was saved");
    return answer_to_setup(setup.setup_id, entry);
  }

  Payment lookup(Call& call, const bursar::Lookup& lookup) {
    std::this_thread::sleep_for(latency_);
    if (lookup.kind == bursar::LookupKind::setup) {
      const std::optional<sandbox::SetupEntry> entry = book_.find_setup(call, lookup.id);
      return entry ? answer_to_setup(lookup.id, *entry) : Payment::not_attempted();
    }
    if (lookup.kind != bursar::LookupKind::refund) {
      if (const std::optional<Book::Found> found = book_.find(call, lookup.id)) return answer(call, *found);
    }
    if (lookup.kind != bursar::LookupKind::payment) {
      if (const std::optional<Book::Found> found = book_.find_by_refund(call, lookup.id)) {
        for (const sandbox::RefundEntry& done : found->entry.refunds) {
          if (done.id == lookup.id) return refunded(found->entry, done);
        }
      }
    }
    return Payment::not_attempted();
  }

  // An event may be handed in again. Of the book it changes only what was given up, as no lookup says otherwise after
  // it, and the dispute that there is evidence for.
  bursar::Webhook receive(Call& call, const bursar::WebhookRequest& request) {
    if (!sandbox::is_genuine(host_, request, webhook_secret_, webhook_tolerance_)) return bursar::Webhook::rejected();
    const auto [event, evidence_wins] = sandbox::read_event(request.body);
    if (evidence_wins) return bursar::Webhook::genuine(decide_dispute(call, event.payment_id, *evidence_wins));
    const bool declined = event.payment && event.payment->outcome == bursar::PaymentOutcome::declined;
    if (declined && event.kind == bursar::EventKind::payment) give_up(call, event.payment_id);
    std::vector<bursar::Event> events{event};
    if (event.kind == bursar::EventKind::payment && !event.payment) {
      if (const std::optional<Book::Found> found = book_.find(call, event.payment_id)) {
        for (bursar::Event& told : sandbox::dispute_events(found->entry, now())) events.push_back(std::move(told));
      }
    }
    return bursar::Webhook::genuine(std::move(events));
  }

  // Takes what the customer has approved, which is `settle_after` after they were asked.
  Payment complete(Call& call, const bursar::Capture& capture) {
    std::this_thread::sleep_for(latency_);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      const std::optional<Book::Found> before = book_.find(call, capture.payment_id);
      if (!before) throw bursar::NotAttempted("sandbox: no such payment");
      if (before->entry.state == State::charged) book_.note_again(call, "complete", capture.payment_id);
      if (before->entry.state != State::approval || now() < before->entry.settles_at) return payment_of(before->entry);
      Entry after = before->entry;
      after.state = State::charged;
      after.settles_at = 0;
      if (!book_.replace(call, *before, after)) continue;
      if (after.loses) throw bursar::OutcomeUnknown("sandbox: no answer in time, though the money was taken");
      return payment_of(after);
    }
    throw bursar::OutcomeUnknown("sandbox: the book changed too often");
  }

  // What waits is given up, and nobody can confirm it any more.
  Payment void_payment(Call& call, const bursar::Capture& capture) {
    std::this_thread::sleep_for(latency_);
    give_up(call, capture.payment_id);
    const std::optional<Book::Found> found = book_.find(call, capture.payment_id);
    if (!found || found->entry.state != State::declined)
      return Payment::declined(bursar::Decline::final, "other", "the payment does not wait for its customer");
    return Payment::succeeded(found->entry.reference());
  }

  // Its tokens are words of a table: there is nothing to forget.
  void detach_method(Call& /*call*/, const bursar::Detach& /*detach*/) {}

 private:
  static constexpr int attempts_max = 50;

  [[nodiscard]] std::int64_t now() const { return host_.now().time_since_epoch().count(); }

  void give_up(Call& call, std::string_view payment_id) const {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      const std::optional<Book::Found> before = book_.find(call, payment_id);
      if (!before) return;
      Entry after = settled(before->entry);
      if (after.state == State::charged || after.state == State::declined) return;
      after.state = State::declined;
      after.decline = "unconfirmed";
      after.settles_at = 0;
      if (book_.replace(call, *before, after)) return;
    }
    throw bursar::Error("book_busy", "sandbox: the book changed too often", bursar::Retry::later);
  }

  // Evidence counts while the dispute is open.
  std::vector<bursar::Event> decide_dispute(Call& call, std::string_view payment_id, bool won) const {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      const std::optional<Book::Found> before = book_.find(call, payment_id);
      if (!before) return {};
      Entry after = before->entry;
      if (!after.dispute || !after.dispute->is_open(now())) return sandbox::dispute_events(after, now());
      after.dispute->ends_at = now();
      after.dispute->won = won;
      if (book_.replace(call, *before, after)) return sandbox::dispute_events(after, now());
    }
    throw bursar::Error("book_busy", "sandbox: the book changed too often", bursar::Retry::later);
  }

  // A method of its own each time, which behaves as its name says when it is charged.
  [[nodiscard]] bursar::Method test_card(Behaviour behaviour, std::string_view id) const {
    bursar::Method card{.token = "tok_" + std::string(sandbox::name_of(behaviour)) + ":" + std::string(id),
                        .type = "card",
                        .label = "Test card ending 4242",
                        .expiry_year = 2099,
                        .expiry_month = 12};
    if (behaviour == Behaviour::expire_soon) {
      const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(host_.now()));
      card.label = "Test card ending 0069";
      card.expiry_year = static_cast<int>(today.year());
      card.expiry_month = static_cast<int>(static_cast<unsigned>(today.month()));
    }
    return card;
  }

  // What the customer has to do: at a page, or by a form that the portal's page posts.
  static bursar::Action action(bool form, const std::string& path, const char* text) {
    bursar::Action action{
        .type = form ? "form" : "redirect", .url = "https://sandbox.example.com/" + path, .text = text};
    if (form) action.fields = {{"PaReq", "sandbox-" + path}, {"TermUrl", "https://sandbox.example.com/done"}};
    return action;
  }

  void tell_wait(Payment& payment, bool lapses, std::int64_t settles_at) const {
    if (lapses) {
      payment.expires_at = bursar::Time(bursar::Milliseconds(settles_at));
    } else {
      payment.poll_after = bursar::Milliseconds(std::max<std::int64_t>(1, settles_at - now()));
    }
  }

  [[nodiscard]] Payment answer_to_setup(std::string_view setup_id, const sandbox::SetupEntry& entry) const {
    const std::string reference = "sandbox-" + std::string(setup_id);
    const bool over = now() >= entry.settles_at;
    switch (entry.behaviour) {
      case Behaviour::decline_soft:
      case Behaviour::decline_final:
        return refused(entry.behaviour == Behaviour::decline_soft);
      case Behaviour::abandon:
        if (over) return given_up();
        break;
      case Behaviour::settle_later:
        if (!over) return Payment::pending(reference, bursar::Milliseconds(entry.settles_at - now()));
        break;
      case Behaviour::succeed:
      case Behaviour::time_out_after:
      case Behaviour::settle_partly:
      case Behaviour::refuse_connection:
        return Payment::saved(test_card(Behaviour::succeed, setup_id), reference);
      case Behaviour::require_action:
      case Behaviour::post_form:
      case Behaviour::approve:
      case Behaviour::approve_timed_out:
      case Behaviour::expire_soon:
      case Behaviour::dispute:
      case Behaviour::dispute_won:
      case Behaviour::dispute_lost:
        break;
    }
    if (over) {
      const bool soon = entry.behaviour == Behaviour::expire_soon;
      return Payment::saved(test_card(soon ? Behaviour::expire_soon : Behaviour::succeed, setup_id), reference);
    }
    Payment payment =
        Payment::requires_action(reference, action(entry.behaviour == Behaviour::post_form,
                                                   "save/" + std::string(setup_id), "Let your bank confirm the card."));
    tell_wait(payment, entry.behaviour == Behaviour::abandon, entry.settles_at);
    return payment;
  }

  static bool is_approved(Behaviour behaviour) {
    return behaviour == Behaviour::approve || behaviour == Behaviour::approve_timed_out;
  }

  [[nodiscard]] Entry new_entry(Call& call, const bursar::Charge& charge, Behaviour behaviour) const {
    Entry entry;
    entry.payment_id = charge.payment_id;
    entry.key = call.idempotency_key();
    entry.currency = charge.amount.currency;
    entry.minor = charge.amount.minor;
    entry.saves = charge.save_method;
    switch (behaviour) {
      case Behaviour::decline_soft:
      case Behaviour::decline_final:
        entry.state = State::declined;
        entry.decline = behaviour == Behaviour::decline_soft ? "soft" : "final";
        break;
      case Behaviour::require_action:
      case Behaviour::post_form:
      case Behaviour::abandon:
      case Behaviour::settle_later:
      case Behaviour::approve:
      case Behaviour::approve_timed_out:
        entry.loses = behaviour == Behaviour::approve_timed_out;
        entry.state = behaviour == Behaviour::settle_later ? State::pending
                      : behaviour == Behaviour::abandon    ? State::abandoned
                      : is_approved(behaviour)             ? State::approval
                                                           : State::action;
        entry.form = behaviour == Behaviour::post_form;
        entry.settles_at = now() + settle_after_.count();
        break;
      case Behaviour::dispute:
      case Behaviour::dispute_won:
      case Behaviour::dispute_lost:
        entry.dispute = new_dispute(behaviour);
        break;
      case Behaviour::settle_partly:
        entry.minor = std::max<std::int64_t>(1, charge.amount.minor / 2);
        break;
      case Behaviour::succeed:
      case Behaviour::expire_soon:
      case Behaviour::time_out_after:
      case Behaviour::refuse_connection:
        break;
    }
    return entry;
  }

  [[nodiscard]] sandbox::DisputeEntry new_dispute(Behaviour behaviour) const {
    const std::int64_t opens_at = now() + settle_after_.count();
    return {.opens_at = opens_at,
            .ends_at = behaviour == Behaviour::dispute ? 0 : opens_at + settle_after_.count(),
            .won = behaviour == Behaviour::dispute_won};
  }

  // A waiting entry becomes a charge by the passing of time alone.
  [[nodiscard]] Entry settled(Entry entry) const {
    if ((entry.state == State::pending || entry.state == State::action) && now() >= entry.settles_at) {
      entry.state = State::charged;
      entry.settles_at = 0;
    }
    return entry;
  }

  static Payment refused(bool soft) {
    return soft ? Payment::declined(bursar::Decline::soft, "insufficient_funds", "the test card has insufficient funds")
                : Payment::declined(bursar::Decline::final, "stolen_or_lost", "the test card was reported stolen");
  }

  static Payment given_up() {
    return Payment::declined(bursar::Decline::soft, "authentication_failed", "nobody confirmed in time");
  }

  // What the book says now. Writing down that it settled is for readers of the book only, so losing a race there is
  // harmless.
  Payment answer(Call& call, const Book::Found& found) const {
    const Entry entry = settled(found.entry);
    if (entry.state != found.entry.state && !book_.replace(call, found, entry)) {
      host_.log(BURSAR_LOG_DEBUG, "another call wrote the settlement down");
    }
    return payment_of(entry);
  }

  [[nodiscard]] Payment payment_of(const Entry& entry) const {
    switch (entry.state) {
      case State::declined:
        if (entry.decline == "unconfirmed") return sandbox::unconfirmed();
        return refused(entry.decline == "soft");
      case State::pending:
        return Payment::pending(entry.reference(),
                                bursar::Milliseconds(std::max<std::int64_t>(1, entry.settles_at - now())));
      case State::abandoned:
        if (now() >= entry.settles_at) return given_up();
        [[fallthrough]];
      case State::approval:
        if (entry.state == State::approval && now() >= entry.settles_at)
          return Payment::ready_to_complete(entry.reference());
        [[fallthrough]];
      case State::action: {
        Payment payment = Payment::requires_action(
            entry.reference(),
            action(entry.form, "authenticate/" + entry.payment_id, "Confirm the payment with your bank."));
        tell_wait(payment, entry.state == State::abandoned, entry.settles_at);
        return payment;
      }
      case State::charged:
        break;
    }
    Payment payment = Payment::succeeded(entry.reference());
    payment.processed = {entry.minor, entry.currency};
    if (entry.saves) payment.method = test_card(Behaviour::succeed, entry.payment_id);
    return payment;
  }

  static Payment refunded(const Entry& entry, const sandbox::RefundEntry& refund) {
    Payment payment = Payment::succeeded("sandbox-refund-" + refund.id);
    payment.processed = {refund.minor, entry.currency};
    return payment;
  }

  bursar::Host host_;
  Book book_;
  Behaviour otherwise_;
  bursar::Milliseconds settle_after_;
  bursar::Milliseconds latency_;
  std::string display_name_;
  std::string webhook_secret_;
  bursar::Milliseconds webhook_tolerance_;
};

}  // namespace

BURSAR_PLUGIN(Sandbox, "bursar.sandbox", "0.1.0")
