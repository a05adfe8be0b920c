#include "accounts/audit.hpp"
#include "ledger/journal.hpp"
#include "payments/answer_text.hpp"
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

void set_status(storage::Transaction& tx, const Refund& refund, std::string_view status, const std::string& reference,
                std::optional<Instant> settled_at) {
  tx.execute(
      "UPDATE refunds SET status = $2, gateway_reference = coalesce($3, gateway_reference), settled_at = $4 "
      "WHERE id = $1",
      refund.id, status, reference.empty() ? std::nullopt : std::optional(reference), settled_at);
}

void failed(storage::Transaction& tx, const Context& context, const Loaded& loaded, const GatewayAnswer& answer,
            Instant now) {
  const Refund& refund = loaded.refund;
  set_status(tx, refund, "failed", answer.reference, now);
  book_refund_returned(tx, context, refund, loaded.payment.gateway, now);
  tx.execute(
      "UPDATE payments SET refunded = refunded - $2, version = version + 1, "
      "status = CASE WHEN refunded = $2 THEN 'succeeded' ELSE 'partially_refunded' END WHERE id = $1",
      refund.payment, refund.amount.minor());
  raise_task(tx, "refund_failed", refund.account, refund.id.value(),
             "The gateway refused a refund of " + refund.amount.to_string() + "; it is credit now",
             answer.decline_text.empty() ? answer.error : answer.decline_text, now);
}

}  // namespace

void book_refund_sent(storage::Transaction& tx, const Context& context, const Refund& refund,
                      const std::string& gateway, Instant now) {
  ledger::apply_new(tx, {.kind = ledger::EntryKind::refund_sent,
                         .source = refund.id.value(),
                         .account = refund.account,
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = ledger::Postings::Builder(refund.account)
                                         .debit(LedgerAccount::customer_credit(), refund.amount)
                                         .credit(LedgerAccount::clearing(gateway), refund.amount)
                                         .build()});
}

void book_refund_returned(storage::Transaction& tx, const Context& context, const Refund& refund,
                          const std::string& gateway, Instant now) {
  ledger::apply_new(tx, {.kind = ledger::EntryKind::refund_to_credit,
                         .source = refund.id.value(),
                         .account = refund.account,
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = ledger::Postings::Builder(refund.account)
                                         .debit(LedgerAccount::clearing(gateway), refund.amount)
                                         .credit(LedgerAccount::customer_credit(), refund.amount)
                                         .build()});
}

int RefundHandler::concurrency(std::string_view) const { return 4; }

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
  const auto loaded = load(tx, RefundId(effect.object));
  BURSAR_ASSERT(loaded.has_value());
  const std::string& status = loaded->refund.status;
  if (status == "succeeded" || status == "failed") {
    outcome.verdict = status == "succeeded" ? Verdict::done : Verdict::failed;
    return;
  }
  const GatewayAnswer answer = answer_from_text(outcome.data).value_or(GatewayAnswer{});
  switch (answer.outcome) {
    case GatewayOutcome::succeeded:
      set_status(tx, loaded->refund, "succeeded", answer.reference, now);
      return;
    case GatewayOutcome::declined:
      failed(tx, context_, *loaded, answer, now);
      return;
    case GatewayOutcome::not_attempted:
      return;                              // sent again by the workers
    case GatewayOutcome::requires_action:  // a refund asks nothing of the customer: it is on its way
    case GatewayOutcome::pending:
      set_status(tx, loaded->refund, "pending", answer.reference, std::nullopt);
      return;
    case GatewayOutcome::unknown:
      set_status(tx, loaded->refund, "unknown", answer.reference, std::nullopt);
      return;
  }
}

}  // namespace bursar::payments
