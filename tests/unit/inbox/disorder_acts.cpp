// What may happen to money. What else customers do is in disorder_customer.cpp; the beginning and the end of a
// sequence, and what must hold then, are in disorder_world.cpp.
#include <algorithm>

#include "disorder_world.hpp"
#include "dunning/holds.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/issue.hpp"
#include "invoicing/settlement.hpp"
#include "invoicing/steps.hpp"
#include "payments/mass_payments.hpp"
#include "payments/methods.hpp"
#include "payments/steps.hpp"
#include "payments/suspense.hpp"

namespace bursar::test {

using enum inbox::WebhookEventKind;
using FakeAct = test::Act;
using inbox::WebhookEvent;
using payments::GatewayAnswer;
using payments::GatewayOutcome;
using payments::Payment;
using storage::Connection;
using storage::Transaction;

namespace {

bool brought_money(const Payment& payment) { return payment.received.is_positive(); }

}  // namespace

void DisorderWorld::script_an_answer(FakeGateway& gateway) {
  static constexpr FakeAct answers[] = {
      FakeAct::succeed,     FakeAct::succeed,     FakeAct::succeed,      FakeAct::succeed_without_answer,
      FakeAct::vanish,      FakeAct::unreachable, FakeAct::decline_soft, FakeAct::decline_final,
      FakeAct::need_action, FakeAct::stay_pending};
  gateway.script({answers[pick(std::size(answers))]});
  gateway.take(something_else());
}

std::optional<Money> DisorderWorld::something_else() {
  if (one_in(8)) return some(1500);
  return one_in(12) ? std::optional(Money(1 + pick(1500), euro_)) : std::nullopt;
}

payments::NewPayment DisorderWorld::random_payment(std::string gateway) {
  payments::NewPayment asked{.invoice = any(invoices_), .gateway = std::move(gateway)};
  if (one_in(2)) asked.amount = some(1500);
  const auto methods = saved_methods(asked.gateway);
  if (!methods.empty() && one_in(3)) asked.method = any(methods).id;
  asked.use_credit = one_in(3);
  return asked;
}

void DisorderWorld::pay() {
  const std::string gateway = either();
  script_an_answer(fake(gateway));
  static_cast<void>(payments_.pay(random_payment(gateway), customer_));
}

void DisorderWorld::pay_by_transfer() {
  gateways_.bank.script({FakeAct::need_action});
  static_cast<void>(payments_.pay(random_payment("bank"), customer_));
}

// What came in may be more or less than what was announced, and may be told to the gateway's page by its reference.
void DisorderWorld::staff_confirm() {
  const auto announced = made("bank");
  if (announced.empty()) return;
  const Payment& payment = any(announced);
  const Money came = one_in(2) ? payment.amount : some(1500);
  const std::string reference = one_in(2) ? "" : "statement-" + std::to_string(payment.id.value());
  static_cast<void>(payments_.confirm(payment.id, came, reference, staff_));
}

void DisorderWorld::staff_dismiss() {
  const auto announced = made("bank");
  if (!announced.empty()) static_cast<void>(payments_.dismiss(any(announced).id, staff_));
}

void DisorderWorld::pay_several() {
  const std::string gateway = one_in(4) ? "bank" : either();
  if (gateway == "bank") {
    gateways_.bank.script({FakeAct::need_action});
  } else {
    script_an_answer(fake(gateway));
  }
  const auto started = db_->write("mass", [&](Transaction& tx) {
    return payments::start_mass_payment(tx, context_, {.account = account_, .items = {}, .gateway = gateway}, customer_,
                                        clock_.now());
  });
  if (started.ok() && !one_in(5)) payments_.perform(started->payment);
}

void DisorderWorld::pay_several_again() {
  const auto several =
      db_->read([&](Connection& c) { return payments::list_mass_payments(c, account_, MassPaymentId(INT64_MAX), 50); });
  if (several.empty()) return;
  const std::string gateway = either();
  script_an_answer(fake(gateway));
  const auto payment = db_->write("mass", [&](Transaction& tx) {
    return payments::retry_mass_payment(tx, context_, any(several).id, {.gateway = gateway}, customer_, clock_.now());
  });
  if (payment.ok()) payments_.perform(*payment);
}

void DisorderWorld::give_up_paying_several() {
  const auto several =
      db_->read([&](Connection& c) { return payments::list_mass_payments(c, account_, MassPaymentId(INT64_MAX), 50); });
  if (several.empty()) return;
  attempt([&](Transaction& tx) {
    return payments::cancel_mass_payment(tx, context_, any(several).id, customer_, clock_.now()).ok();
  });
}

void DisorderWorld::add_credit() {
  invoices_.push_back(db_->write("deposit", [&](Transaction& tx) {
    return invoicing::issue_deposit(tx, rules_, account_, some(2000), clock_.now()).value();
  }));
  if (one_in(2)) return;
  const std::string gateway = either();
  script_an_answer(fake(gateway));
  static_cast<void>(payments_.pay({.invoice = invoices_.back(), .gateway = gateway}, customer_));
}

void DisorderWorld::grant_credit() {
  db_->write("grant", [&](Transaction& tx) {
    invoicing::grant_credit(tx, rules_, account_, some(300), tx.reserve_ids(1), "goodwill", clock_.now());
  });
}

void DisorderWorld::daily_run() {
  clock_.advance(days(1));
  script_an_answer(gateways_.cards);
  if (one_in(4)) gateways_.cards.script_voids({one_in(2) ? FakeAct::succeed_without_answer : FakeAct::vanish});
  run(*dunning::hold_step(rules_));
  for (const auto& step : invoicing::steps(rules_)) run(*step);
  run(*payments::autopay_step(context_));
  run(*payments::reconciliation_step(context_));
  if (!one_in(3)) workers_.drain();  // else the process ended after the run
}

void DisorderWorld::customer_acts() { fake(either()).complete_waiting(); }
void DisorderWorld::customer_approves() { fake(either()).approve_waiting(); }

// After the payment was recorded and before anything else.
void DisorderWorld::die() {
  serving_ = false;
  const std::string gateway = either();
  script_an_answer(fake(gateway));
  static_cast<void>(payments_.pay(random_payment(gateway), customer_));
  serving_ = true;
}

// A worker that had begun an effect dies: before the gateway is asked, or when it has answered and nothing of that is
// stored. A webhook's worker dies between what was received and what it means.
void DisorderWorld::die_in_an_effect() {
  struct Open {
    effects::Effect effect;
    bool begun;
  };
  const auto open = db_->read([&](Connection& c) {
    std::vector<Open> out;
    auto rows = c.query(
        "SELECT id, kind, key, instance, account_id, object_id, created_at, state FROM effects WHERE "
        "state IN ('recorded', 'unknown', 'waiting') AND kind IN ('charge', 'complete', 'refund', 'void', 'setup', "
        "'detach', 'webhook') ORDER BY id");
    while (rows.next()) {
      out.push_back({.effect = {.id = rows.id<EffectId>(0),
                                .kind = rows.string(1),
                                .key = rows.string(2),
                                .instance = rows.string(3),
                                .account = rows.id<AccountId>(4),
                                .object = rows.integer(5),
                                .created_at = rows.instant(6)},
                     .begun = rows.text(7) != "recorded"});
    }
    return out;
  });
  if (open.empty()) return;
  const Open& at = any(open);
  const std::map<std::string_view, effects::Handler*> handlers = {
      {"charge", &charges_}, {"complete", &completes_}, {"refund", &refunds_}, {"void", &voiding_},
      {"setup", &saving_},   {"detach", &detaching_},   {"webhook", &inbox_}};
  effects::Handler& handler = *handlers.at(at.effect.kind);
  if (!one_in(3)) static_cast<void>(at.begun ? handler.inspect(at.effect) : handler.perform(at.effect));
  db_->write("in flight", [&](Transaction& tx) {
    tx.execute(
        "UPDATE effects SET state = 'in_flight', next_at = NULL, worker = 'gone', lease_until = $2 WHERE id = $1",
        at.effect.id, Instant::parse("2020-01-01T00:00:00Z").value());
  });
}

WebhookEvent DisorderWorld::success_of(const std::string& id, Money amount) const {
  WebhookEvent event;
  event.kind = payment;
  event.payment_id = id;
  event.gateway_reference = id + "-tx";
  event.payment =
      GatewayAnswer{.outcome = GatewayOutcome::succeeded, .processed = amount, .reference = event.gateway_reference};
  return event;
}

// What cards tells is true when it says that money came; a decline or a pending may be old, and the id that we gave it
// may be missing.
void DisorderWorld::webhook() {
  const auto candidates = made("cards");
  if (candidates.empty()) return;
  const std::string id = codec_.text(any(candidates).id);
  WebhookEvent event;
  event.kind = payment;
  event.payment_id = id;
  const auto book = gateways_.cards.book();
  if (const auto taken = book.find(id); taken != book.end() && one_in(2)) {
    event = success_of(id, taken->second);
    if (one_in(4)) event.payment_id.clear();
  } else if (const unsigned word = pick(3); word < 2) {
    event.payment = GatewayAnswer{.outcome = word == 0 ? GatewayOutcome::pending : GatewayOutcome::declined,
                                  .decline_code = word == 0 ? "" : "declined"};
  }
  tell(std::move(event), Delivery::may_be_lost);
}

// A refund that was sent has succeeded; the gateway may leave out which one it was.
void DisorderWorld::webhook_of_refund() {
  std::vector<std::pair<std::string, Money>> sent;
  for (const auto& [id, amount] : gateways_.cards.book()) {
    if (amount.is_negative()) sent.emplace_back(id, -amount);
  }
  if (sent.empty()) return;
  const auto& [id, amount] = any(sent);
  const auto parsed = codec_.parse<RefundIdTag>(id).value();
  const auto stored = db_->read([&](Connection& c) { return payments::find_refund(c, parsed).value(); });
  WebhookEvent event;
  event.kind = inbox::WebhookEventKind::refund;
  event.payment_id = codec_.text(stored.payment);
  event.gateway_reference = event.payment_id + "-tx";
  const bool named = !one_in(3);
  if (named) event.refund_id = id;
  if (!named || one_in(2)) {
    event.payment = GatewayAnswer{.outcome = GatewayOutcome::succeeded, .processed = amount, .reference = id + "-tx"};
  }
  tell(std::move(event), Delivery::may_be_lost);
}

void DisorderWorld::tell(WebhookEvent event, Delivery delivery) {
  const std::string body = "e" + std::to_string(++told_so_far_);
  event.event_id = body;
  told_.events.emplace(body, event);
  if (delivery == Delivery::may_be_lost && one_in(4)) return;
  under_way_.push_back(body);
  if (!one_in(3)) send(body);
}

void DisorderWorld::send(const std::string& body) {
  serving_ = !one_in(6);
  const auto reply = inbox_.receive("cards", {.method = "POST", .body = body});
  if (serving_ && (!reply || reply->status != 200)) throw std::runtime_error("the webhook " + body + " was refused");
  serving_ = true;
}

void DisorderWorld::deliver_again() {
  if (!under_way_.empty()) send(any(under_way_));
}

void DisorderWorld::refund() {
  auto payments = made();
  if (one_in(8) || std::none_of(payments.begin(), payments.end(), brought_money)) {
    if (payments.empty()) return;
  } else {
    std::erase_if(payments, [](const Payment& payment) { return !brought_money(payment); });
  }
  const Payment& payment = any(payments);
  payments::NewRefund asked{.payment = payment.id, .reason = "unhappy"};
  if (one_in(2)) asked.amount = some(900);
  if (const unsigned where = pick(6); where < 2) {
    asked.destination = where == 0 ? payments::RefundDestination::credit : payments::RefundDestination::external;
  }
  if (payment.gateway != "bank") script_an_answer(fake(payment.gateway));
  attempt([&](Transaction& tx) { return payments::record_refund(tx, context_, asked, staff_, clock_.now()).ok(); });
  if (one_in(2)) workers_.drain();
}

// In the gateway's own pages. It tells of it, sooner or later; nobody else could.
void DisorderWorld::refund_at_the_gateway() {
  const auto payments = taken_by_cards();
  if (payments.empty()) return;
  const std::string id = codec_.text(any(payments).id);
  taken_back_.insert(id);
  const Money taken = gateways_.cards.book().at(id);
  const Money amount = one_in(2) ? taken : usd(1 + pick(static_cast<unsigned>(taken.minor())));
  WebhookEvent event;
  event.kind = inbox::WebhookEventKind::refund;
  event.payment_id = id;
  event.gateway_reference = id + "-tx";
  const std::string reference = "elsewhere-" + std::to_string(++elsewhere_so_far_);
  event.payment = GatewayAnswer{.outcome = GatewayOutcome::succeeded, .processed = amount, .reference = reference};
  elsewhere_["cards/" + reference] = -amount.minor();
  tell(std::move(event), Delivery::arrives);
}

// Staff record by hand what they did in the gateway's own pages, which tells of it too, before or after; or what they
// sent by another way. They name it or not, and may mistake the amount.
void DisorderWorld::refund_by_hand() {
  const auto payments = taken_by_cards();
  if (payments.empty()) return;
  const Payment& payment = any(payments);
  const std::string id = codec_.text(payment.id), number = std::to_string(++elsewhere_so_far_);
  payments::NewRefund asked{.payment = payment.id,
                            .amount = usd(1 + pick(static_cast<unsigned>(gateways_.cards.book().at(id).minor()))),
                            .destination = payments::RefundDestination::external,
                            .reason = "by hand"};
  const bool at_the_gateway = !one_in(4);
  const Money moved = *asked.amount;
  std::string reference = (at_the_gateway ? "elsewhere-" : "statement-") + number;
  if (one_in(3) || !at_the_gateway) asked.reference = reference;
  if (at_the_gateway && one_in(6)) asked.amount = some(900);
  const auto record = [&] {
    bool recorded = false;
    attempt([&](Transaction& tx) {
      return recorded = payments::record_refund(tx, context_, asked, staff_, clock_.now()).ok();
    });
    if (recorded && !at_the_gateway) elsewhere_["cards/" + reference] = -moved.minor();
  };
  const bool recorded_first = one_in(2);
  if (recorded_first) record();
  if (at_the_gateway) {
    taken_back_.insert(id);
    elsewhere_["cards/" + reference] = -moved.minor();
    WebhookEvent event;
    event.kind = inbox::WebhookEventKind::refund;
    event.payment_id = id;
    event.gateway_reference = id + "-tx";
    event.payment = GatewayAnswer{.outcome = GatewayOutcome::succeeded, .processed = moved, .reference = reference};
    tell(std::move(event), Delivery::arrives);
  }
  if (!recorded_first) record();
}

// The receiving bank did not take it, after the gateway had said that it was sent.
void DisorderWorld::refund_bounces() {
  std::vector<std::string> sent;
  for (const auto& [id, amount] : gateways_.cards.book()) {
    if (amount.is_negative()) sent.push_back(id);
  }
  if (sent.empty()) return;
  WebhookEvent event;
  event.kind = inbox::WebhookEventKind::refund;
  event.refund_id = any(sent);
  event.gateway_reference = event.refund_id + "-tx";
  event.payment = GatewayAnswer{
      .outcome = GatewayOutcome::declined, .reference = event.gateway_reference, .decline_code = "returned"};
  const auto status = db_->read([&](Connection& c) {
    return payments::find_refund(c, codec_.parse<RefundIdTag>(event.refund_id).value()).value().status;
  });
  if (status != "succeeded") return;  // a gateway takes back only what it said
  gateways_.cards.undo(event.refund_id);
  tell(std::move(event), Delivery::arrives);
}

// Opened, perhaps lost, perhaps won; its messages come in any order.
void DisorderWorld::dispute() {
  const auto payments = taken_by_cards();
  if (payments.empty()) return;
  const Payment& disputed = any(payments);
  const std::string id = codec_.text(disputed.id);
  taken_back_.insert(id);
  const Money taken = gateways_.cards.book().at(id);
  const Money amount = one_in(3) ? usd(1 + pick(static_cast<unsigned>(taken.minor()))) : taken;
  const std::string reference = "dispute-" + std::to_string(++elsewhere_so_far_);
  std::vector<inbox::WebhookEventKind> words = {dispute_opened};
  if (one_in(2)) words.push_back(dispute_lost);
  const bool won = one_in(2);
  if (won) words.push_back(dispute_won);
  if (!won) elsewhere_["cards/" + reference] = -amount.minor();
  std::shuffle(words.begin(), words.end(), random_);
  for (const auto kind : words) tell_of_dispute(reference, disputed, amount, kind);
}

void DisorderWorld::tell_of_dispute(const std::string& reference, const Payment& payment, Money amount,
                                    inbox::WebhookEventKind kind) {
  WebhookEvent event;
  event.kind = kind;
  event.payment_id = codec_.text(payment.id);
  event.gateway_reference = event.payment_id + "-tx";
  event.dispute = {.id = reference, .amount = amount, .fee = usd(kind == dispute_won ? 0 : 15)};
  tell(std::move(event), Delivery::arrives);
}

void DisorderWorld::stray_money() {
  WebhookEvent event;
  event.kind = payment;
  event.gateway_reference = "stray-" + std::to_string(++elsewhere_so_far_);
  const Money amount = some(1500);
  event.payment =
      GatewayAnswer{.outcome = GatewayOutcome::succeeded, .processed = amount, .reference = event.gateway_reference};
  elsewhere_["cards/" + event.gateway_reference] = amount.minor();
  tell(std::move(event), Delivery::arrives);
}

void DisorderWorld::staff_assign() {
  const auto open = db_->read([](Connection& c) { return payments::list_suspense(c, "open", {}, 50); });
  if (open.empty()) return;
  payments::Assignment assignment{.account = account_};
  if (one_in(2)) assignment.invoice = any(invoices_);
  attempt([&](Transaction& tx) {
    return payments::assign_suspense(tx, context_, any(open).id, assignment, staff_, clock_.now()).ok();
  });
}

void DisorderWorld::staff_return() {
  const auto open = db_->read([](Connection& c) { return payments::list_suspense(c, "open", {}, 50); });
  if (open.empty()) return;
  const auto& item = any(open);
  // The gateway would not let them, where it had given it back itself.
  if (taken_back_.contains(item.reference.substr(0, item.reference.rfind("-tx")))) return;
  bool returned = false;
  attempt([&](Transaction& tx) {
    return returned = payments::return_suspense(tx, context_, item.id, "nobody's", staff_, clock_.now()).ok();
  });
  if (returned && item.amount.currency() == dollar_) {
    elsewhere_["cards/" + item.reference + " returned"] = -item.amount.minor();
  }
}

// What can't be booked is ended by hand: they have seen to it in the gateway's own pages.
void DisorderWorld::staff_look_into_unclear() {
  const auto parked = db_->read([](Connection& c) {
    std::vector<PaymentId> out;
    auto rows = c.query("SELECT object_id FROM effects WHERE kind = 'charge' AND state = 'parked' ORDER BY id");
    while (rows.next()) out.emplace_back(rows.id<PaymentId>(0));
    return out;
  });
  for (const PaymentId payment : parked) static_cast<void>(payments_.dismiss(payment, staff_));
}

void DisorderWorld::apply_credit() {
  attempt([&](Transaction& tx) {
    return invoicing::apply_credit(tx, rules_, any(invoices_), some(500), clock_.now()).ok();
  });
}
void DisorderWorld::void_invoice() {
  attempt([&](Transaction& tx) {
    return invoicing::void_invoice(tx, rules_, any(invoices_), "cancelled", clock_.now()).ok();
  });
}
void DisorderWorld::credit_note() {
  attempt([&](Transaction& tx) {
    return invoicing::credit_amount(tx, rules_, any(invoices_), some(700), "complaint", clock_.now()).ok();
  });
}
void DisorderWorld::write_off() {
  attempt(
      [&](Transaction& tx) { return invoicing::write_off(tx, rules_, any(invoices_), "hopeless", clock_.now()).ok(); });
}
void DisorderWorld::new_invoice() { invoices_.push_back(issue(1 + pick(1500))); }

void DisorderWorld::switch_autopay() {
  const bool on = !one_in(4);
  attempt([&](Transaction& tx) {
    return payments::set_autopay(tx, rules_, account_, on, {}, customer_, clock_.now()).ok();
  });
}

void DisorderWorld::time_passes() {
  clock_.advance(minutes(1 + static_cast<int>(pick(90))));
  workers_.drain();
}
void DisorderWorld::read_all() {
  for (const auto& one : made()) payments_.read(one.id);
}

}  // namespace bursar::test
