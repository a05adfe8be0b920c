#include "payments/complete.hpp"

#include "effects/effects.hpp"
#include "payments/answer_text.hpp"
#include "payments/autopay_plan.hpp"
#include "payments/lapse.hpp"
#include "payments/payments.hpp"
#include "payments/recording.hpp"
#include "payments/settle.hpp"

namespace bursar::payments {

namespace {

using effects::Verdict;

struct Last {
  int approval = 0;  // 0: there was none
  std::string state;
};

std::string complete_key(PaymentId payment, int approval) {
  return "complete:" + std::to_string(payment.value()) + ":" + std::to_string(approval);
}

// By the keys, which are unique and numbered without a gap; a customer approves once, rarely twice.
Last last_complete(storage::Connection& c, PaymentId payment) {
  for (Last last;; ++last.approval) {
    auto rows = c.query("SELECT state FROM effects WHERE key = $1", complete_key(payment, last.approval + 1));
    if (!rows.next()) return last;
    last.state = rows.string(0);
  }
}

bool is_open(const Last& last) { return last.approval > 0 && last.state != "done" && last.state != "failed"; }

std::optional<Payment> load(const Context& context, const effects::Effect& effect) {
  return context.db.read([&](storage::Connection& c) { return find_payment(c, PaymentId(effect.object)); });
}

}  // namespace

void record_complete(storage::Transaction& tx, const Payment& payment, Instant now) {
  const Last last = last_complete(tx, payment.id);
  if (is_open(last)) return;
  const effects::NewEffect complete{.kind = "complete",
                                    .key = complete_key(payment.id, last.approval + 1),
                                    .instance = payment.gateway,
                                    .account = payment.account,
                                    .object = payment.id.value()};
  effects::record(tx, now, {&complete, 1});
}

std::optional<std::string> open_complete(storage::Connection& c, PaymentId payment) {
  const Last last = last_complete(c, payment);
  return is_open(last) ? std::optional(complete_key(payment, last.approval)) : std::nullopt;
}

int CompleteHandler::concurrency(std::string_view instance) const { return context_.gateways.concurrency(instance); }

effects::Outcome CompleteHandler::perform(const effects::Effect& effect) {
  const auto payment = load(context_, effect);
  if (!payment) return {.verdict = Verdict::parked, .error = "the payment is not stored"};
  if (!payment->open()) return {.verdict = Verdict::done};
  // The customer may have left the page for another way to pay, and come back to it.
  if (context_.db.read([&](storage::Connection& c) { return nothing_is_owed(c, *payment); })) {
    return outcome_of({.outcome = GatewayOutcome::declined,
                       .decline_code = std::string(invoice_changed),
                       .decline_text = "The invoice was paid or changed before the money was taken.",
                       .withdrawn = true});
  }
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) return outcome_of(no_gateway(effect.instance));
  return outcome_of(gateway->complete({.idempotency_key = effect.key,
                                       .payment_id = context_.codec.text(payment->id),
                                       .gateway_reference = payment->reference,
                                       .amount = payment->amount}));
}

effects::Outcome CompleteHandler::inspect(const effects::Effect& effect) {
  const auto payment = load(context_, effect);
  if (!payment) return {.verdict = Verdict::parked, .error = "the payment is not stored"};
  if (!payment->open()) return {.verdict = Verdict::done};
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) return {.verdict = Verdict::unknown, .error = no_gateway(effect.instance).error};
  GatewayAnswer answer = gateway->lookup(context_.codec.text(payment->id), payment->reference, payment->amount);
  // It was approved there once, so it can't be that the gateway has never heard of it.
  if (answer.outcome == GatewayOutcome::not_attempted) answer.outcome = GatewayOutcome::unknown;
  return outcome_of(answer);
}

void CompleteHandler::settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome,
                             Instant now) {
  if (outcome.data.empty() && outcome.verdict == Verdict::done) return;  // it had been settled before
  const PaymentId id(effect.object);
  const GatewayAnswer answer = answer_of(outcome);
  // The approval stands and nothing was taken: the same act, with the same key, once more.
  if (answer.outcome == GatewayOutcome::not_attempted || (answer.outcome == GatewayOutcome::pending && answer.ready)) {
    outcome.verdict = Verdict::not_attempted;
    return;
  }
  const Settlement settlement = settle_payment(tx, context_, id, answer, outcome.verdict, now);
  outcome.verdict = settlement.verdict;
  if (!settlement.error.empty()) outcome.error = settlement.error;
  switch (settlement.verdict) {
    case Verdict::done:
    case Verdict::failed:
    case Verdict::parked:
      effects::conclude(tx, charge_key(id), settlement.verdict, outcome.error, now);
      break;
    case Verdict::waiting:
      // What comes next, a new approval or the bank's word, is found by the charge's own lookups.
      outcome.verdict = Verdict::done;
      break;
    case Verdict::unknown:
    case Verdict::not_attempted:
      break;
  }
}

}  // namespace bursar::payments
