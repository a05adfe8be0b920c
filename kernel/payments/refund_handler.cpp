#include "accounts/audit.hpp"
#include "ledger/journal.hpp"
#include "payments/answer_text.hpp"
#include "payments/disputes.hpp"
#include "payments/refund_booking.hpp"
#include "payments/staff_tasks.hpp"

namespace bursar::payments {

namespace {

using effects::Outcome;
using effects::Verdict;
using ledger::LedgerAccount;

struct Loaded {
  Refund refund;
  Payment payment;
};

std::optional<Loaded> load(storage::Connection& c, RefundId id) {
  auto refund = find_refund(c, id);
  if (!refund) return std::nullopt;
  auto payment = find_payment(c, refund->payment);
  BURSAR_ASSERT(payment.has_value());
  return Loaded{.refund = std::move(*refund), .payment = std::move(*payment)};
}

// The gateway's id of it is kept unless another refund has it: one of the two is not what it seems.
void set_status(storage::Transaction& tx, const Loaded& loaded, std::string_view status, const std::string& reference,
                std::optional<Instant> settled_at, Instant now) {
  const Refund& refund = loaded.refund;
  const auto known = reference.empty() ? std::nullopt : find_refund_by_reference(tx, refund.gateway, reference);
  const bool taken = known && known->id != refund.id;
  if (taken) {
    raise_task(tx, "refund_unclear", refund.account, refund.id.value(), "Look into a refund that names another's",
               "The gateway gave its reference " + reference + " to two refunds.", now);
  }
  tx.execute(
      "UPDATE refunds SET status = $2, gateway_reference = coalesce($3, gateway_reference), settled_at = $4 "
      "WHERE id = $1",
      refund.id, status, reference.empty() || taken ? std::nullopt : std::optional(reference), settled_at);
}

void succeeded(storage::Transaction& tx, const Context& context, const Loaded& loaded, const GatewayAnswer& answer,
               Instant now) {
  set_status(tx, loaded, "succeeded", answer.reference, now, now);
  tell_of_refund(tx, context, *find_refund(tx, loaded.refund.id), now);
}

// Staff recorded it by hand, with its reference.
void differs(storage::Transaction& tx, const Refund& refund, Money there, Instant now) {
  raise_task(tx, "refund_unclear", refund.account, refund.id.value(),
             "A refund that is recorded as " + refund.amount.to_string() + " is another amount at the gateway",
             refund.reference + ": " + there.to_string() + " by the gateway's word", now);
}

void failed(storage::Transaction& tx, const Context& context, const Loaded& loaded, const GatewayAnswer& answer,
            Instant now) {
  const Refund& refund = loaded.refund;
  const bool had_succeeded = refund.status == "succeeded";
  set_status(tx, loaded, "failed", answer.reference, now, now);
  book_refund_returned(tx, context, refund, now);
  tx.execute(
      "UPDATE payments SET refunded = refunded - $2, version = version + 1, "
      "status = CASE WHEN refunded = $2 THEN 'succeeded' ELSE 'partially_refunded' END WHERE id = $1",
      refund.payment, refund.amount.minor());
  cover_disputes(tx, context, refund, now);
  const std::string why = answer.decline_text.empty() ? answer.error : answer.decline_text;
  raise_task(tx, "refund_failed", refund.account, refund.id.value(),
             had_succeeded
                 ? "A refund of " + refund.amount.to_string() + " came back after it had succeeded; it is credit"
                 : "The gateway refused a refund of " + refund.amount.to_string() + "; it is credit now",
             why, now);
  tell_of_refund(tx, context, *find_refund(tx, refund.id), now);
}

}  // namespace

void book_refund_sent(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now) {
  ledger::apply_new(tx, {.kind = ledger::EntryKind::refund_sent,
                         .source = refund.id.value(),
                         .account = refund.account,
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = ledger::Postings::Builder(refund.account)
                                         .debit(LedgerAccount::customer_credit(), refund.amount)
                                         .credit(LedgerAccount::clearing(refund.gateway), refund.amount)
                                         .build()});
}

void book_refund_returned(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now) {
  ledger::apply_new(tx, {.kind = ledger::EntryKind::refund_to_credit,
                         .source = refund.id.value(),
                         .account = refund.account,
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = ledger::Postings::Builder(refund.account)
                                         .debit(LedgerAccount::clearing(refund.gateway), refund.amount)
                                         .credit(LedgerAccount::customer_credit(), refund.amount)
                                         .build()});
}

void tell_of_refund(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now) {
  const bool failed = refund.status == "failed";
  const notices::Template name = failed ? notices::Template::refund_failed : notices::Template::refunded;
  const notices::Notice notice{.cause = std::string(notices::to_string(name)) + ":" + std::to_string(refund.id.value()),
                               .account = refund.account,
                               .name = name,
                               .values = {{"amount", refund.amount.to_string()},
                                          {"to_credit", refund.destination == RefundDestination::credit ? "yes" : ""},
                                          {"credited", refund.credited.is_zero() ? "" : refund.credited.to_string()}}};
  context.outbox.enqueue(tx, {&notice, 1}, now);
}

void settle_refund(storage::Transaction& tx, const Context& context, RefundId id, const GatewayAnswer& answer,
                   Instant now) {
  const auto loaded = load(tx, id);
  BURSAR_ASSERT(loaded.has_value());
  const std::string& status = loaded->refund.status;
  // Of one that was made in its own pages it may still say that it came back.
  const bool by_gateway =
      loaded->refund.destination == RefundDestination::gateway ||
      (loaded->refund.destination == RefundDestination::external && !loaded->refund.reference.empty());
  if (!by_gateway) return;  // no gateway has a say in it
  const bool settled = status == "succeeded" || status == "failed";
  switch (answer.outcome) {
    case GatewayOutcome::succeeded:
      if (status == "failed") {
        raise_task(
            tx, "refund_unclear", loaded->refund.account, id.value(),
            "The gateway says that it sent a refund of " + loaded->refund.amount.to_string() + " which it had refused",
            "It has become credit of the customer. If the gateway's own book shows it as sent, take the credit "
            "back.",
            now);
      } else if (!settled) {
        succeeded(tx, context, *loaded, answer, now);
      } else if (answer.processed && *answer.processed != loaded->refund.amount) {
        differs(tx, loaded->refund, *answer.processed, now);
      }
      return;
    case GatewayOutcome::declined:
      if (status != "failed") failed(tx, context, *loaded, answer, now);
      return;
    case GatewayOutcome::not_attempted:
      return;                              // sent again by the workers
    case GatewayOutcome::requires_action:  // a refund asks nothing of the customer: it is on its way
    case GatewayOutcome::pending:
      if (!settled) set_status(tx, *loaded, "pending", answer.reference, std::nullopt, now);
      return;
    case GatewayOutcome::unknown:
      if (!settled) set_status(tx, *loaded, "unknown", answer.reference, std::nullopt, now);
      return;
  }
}

int RefundHandler::concurrency(std::string_view instance) const { return context_.gateways.concurrency(instance); }

Outcome RefundHandler::perform(const effects::Effect& effect) {
  const auto loaded = context_.db.read([&](storage::Connection& c) { return load(c, RefundId(effect.object)); });
  if (!loaded) return {.verdict = Verdict::parked, .error = "the refund is not stored"};
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) {
    return {.verdict = Verdict::not_attempted, .error = "the gateway '" + effect.instance + "' is not loaded"};
  }
  return outcome_of(gateway->refund({.idempotency_key = effect.key,
                                     .refund_id = context_.codec.text(loaded->refund.id),
                                     .payment_id = context_.codec.text(loaded->payment.id),
                                     .gateway_reference = loaded->payment.reference,
                                     .amount = loaded->refund.amount}));
}

Outcome RefundHandler::inspect(const effects::Effect& effect) {
  const auto loaded = context_.db.read([&](storage::Connection& c) { return load(c, RefundId(effect.object)); });
  if (!loaded) return {.verdict = Verdict::parked, .error = "the refund is not stored"};
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) {
    return {.verdict = Verdict::unknown, .error = "the gateway '" + effect.instance + "' is not loaded"};
  }
  return outcome_of(
      gateway->lookup(context_.codec.text(loaded->refund.id), loaded->refund.reference, loaded->refund.amount));
}

void RefundHandler::settle(storage::Transaction& tx, const effects::Effect& effect, Outcome& outcome, Instant now) {
  const RefundId id(effect.object);
  const auto before = find_refund(tx, id);
  BURSAR_ASSERT(before.has_value());
  const GatewayAnswer answer = answer_of(outcome);
  // A webhook was faster: what it told stands. But one that had succeeded may fail days later, and a webhook that tells
  // of it only has the gateway asked; the word must be about the gateway's very refund.
  if (before->status == "succeeded" || before->status == "failed") {
    const bool came_back = before->status == "succeeded" && answer.outcome == GatewayOutcome::declined &&
                           !answer.reference.empty() && answer.reference == before->reference;
    if (came_back) settle_refund(tx, context_, id, answer, now);
    outcome.verdict = before->status == "succeeded" && !came_back ? Verdict::done : Verdict::failed;
    return;
  }
  settle_refund(tx, context_, id, answer, now);
}

}  // namespace bursar::payments
