#include "payments/lapse.hpp"

#include <algorithm>
#include <span>

#include "invoicing/invoices.hpp"
#include "payments/answer_text.hpp"
#include "payments/autopay_plan.hpp"
#include "payments/recording.hpp"
#include "payments/settle.hpp"
#include "payments/staff_tasks.hpp"

namespace bursar::payments {

namespace {

using effects::Outcome;
using effects::Verdict;

// How long the charge's own lookup leaves the void alone with the gateway.
constexpr Duration own_lookup_rests = days(1);

// While it is being taken, or nobody knows, its own lookups come first; it may wait for its customer again.
std::optional<Outcome> no_void_now(const Payment& payment) {
  if (payment.status == PaymentStatus::requires_action) return std::nullopt;
  if (!payment.open()) return Outcome{.verdict = Verdict::done};
  return Outcome{.verdict = Verdict::waiting, .error = "the payment is " + std::string(to_string(payment.status))};
}

// Payments that wait for their customer, each with the effect that asks its gateway now and then.
#define BURSAR_WAITING_PAYMENTS                                                                                       \
  "SELECT p.id FROM effects e JOIN payments p ON p.id = e.object_id WHERE e.kind = 'charge' AND e.state = 'waiting' " \
  "AND e.next_at IS NOT NULL AND p.status = 'requires_action' AND NOT EXISTS (SELECT 1 FROM effects v "               \
  "WHERE v.object_id = p.id AND v.kind = 'void') "

std::vector<PaymentId> ids_in(storage::Rows rows) {
  std::vector<PaymentId> ids;
  while (rows.next()) ids.push_back(rows.id<PaymentId>(0));
  return ids;
}

std::vector<Payment> load(storage::Connection& c, const std::vector<PaymentId>& ids) {
  std::vector<Payment> payments;
  for (const PaymentId id : ids) payments.push_back(find_payment(c, id).value());
  return payments;
}

std::vector<Payment> unconfirmed(storage::Connection& c, const settings::Autopay& autopay, Instant now) {
  return load(c, ids_in(c.query(BURSAR_WAITING_PAYMENTS "AND p.origin = 'autopay' AND (p.created_at <= $1 OR "
                                                        "p.expires_at <= $2) ORDER BY p.id",
                                now - days(autopay.confirm_within_days), now)));
}

bool can_void(const Context& context, const Payment& payment) {
  const Gateway* gateway = context.gateways.find(payment.gateway);
  return gateway != nullptr && gateway->info().voids;
}

std::vector<Payment> not_needed(storage::Connection& c, const Context& context, std::vector<Payment> waiting) {
  std::erase_if(waiting, [&](const Payment& one) { return !can_void(context, one) || !nothing_is_owed(c, one); });
  return waiting;
}

std::int64_t record_voids(storage::Transaction& tx, const std::vector<Payment>& payments, Instant now) {
  if (payments.empty()) return 0;
  std::vector<effects::NewEffect> voids;
  std::vector<std::int64_t> ids;
  for (const Payment& payment : payments) {
    ids.push_back(payment.id.value());
    voids.push_back({.kind = "void",
                     .key = void_key(payment.id),
                     .instance = payment.gateway,
                     .account = payment.account,
                     .object = payment.id.value()});
  }
  // The void asks too. Side by side, it would be chance whose words tell the customer how the charge ended.
  tx.execute("UPDATE effects SET next_at = $2 WHERE object_id IN {list:$1} AND kind = 'charge' AND state = 'waiting'",
             std::span<const std::int64_t>(ids), now + own_lookup_rests);
  return effects::record(tx, now, voids);
}

GatewayAnswer let_go(storage::Connection& c, const Payment& payment) {
  if (nothing_is_owed(c, payment)) {
    return {.outcome = GatewayOutcome::declined,
            .decline_code = std::string(invoice_changed),
            .decline_text = "The invoice was paid or changed before the payment was confirmed.",
            .withdrawn = true};
  }
  return {.outcome = GatewayOutcome::declined,
          .decline_class = DeclineClass::soft,
          .decline_code = "confirmation_expired",
          .decline_text = "Nobody confirmed the payment in time."};
}

}  // namespace

bool nothing_is_owed(storage::Connection& c, const Payment& payment) {
  const auto targets = targets_of(c, payment);
  return !targets.empty() && std::none_of(targets.begin(), targets.end(), [&](const Target& target) {
    const auto invoice = invoicing::find_invoice(c, target.invoice);
    return invoice && invoice->balance.is_positive() && invoice->status == invoicing::InvoiceStatus::open;
  });
}

std::int64_t let_lapse(storage::Transaction& tx, const Context& context, Instant now) {
  const std::int64_t lapsed = record_voids(tx, unconfirmed(tx, context.rules.billing.autopay, now), now);
  const auto waiting = ids_in(tx.query(BURSAR_WAITING_PAYMENTS "ORDER BY p.id"));
  return lapsed + record_voids(tx, not_needed(tx, context, load(tx, waiting)), now);
}

void let_go_of_others(storage::Transaction& tx, const Context& context, InvoiceId invoice, PaymentId paid_by,
                      Instant now) {
  std::vector<Payment> waiting = payments_of_invoice(tx, invoice);
  std::erase_if(waiting,
                [&](const Payment& one) { return one.id == paid_by || one.status != PaymentStatus::requires_action; });
  record_voids(tx, not_needed(tx, context, std::move(waiting)), now);
}

int VoidHandler::concurrency(std::string_view instance) const { return context_.gateways.concurrency(instance); }

Payment VoidHandler::payment_of(const effects::Effect& effect) const {
  auto payment = context_.db.read([&](storage::Connection& c) { return find_payment(c, PaymentId(effect.object)); });
  BURSAR_ASSERT(payment.has_value());
  return *std::move(payment);
}

Outcome VoidHandler::perform(const effects::Effect& effect) {
  const Payment payment = payment_of(effect);
  if (auto otherwise = no_void_now(payment)) return *std::move(otherwise);
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) return outcome_of(no_gateway(effect.instance));
  if (!gateway->info().voids) {
    return {.verdict = Verdict::parked, .error = "the gateway '" + effect.instance + "' can't let go of a payment"};
  }
  return outcome_of(gateway->void_payment({.idempotency_key = effect.key,
                                           .payment_id = context_.codec.text(payment.id),
                                           .gateway_reference = payment.reference,
                                           .amount = payment.amount}));
}

// What became of it is the charge's own affair; while the gateway says that it still waits, it was not let go of.
Outcome VoidHandler::inspect(const effects::Effect& effect) {
  if (!payment_of(effect).open()) return {.verdict = Verdict::done};
  context_.perform_now(charge_key(PaymentId(effect.object)), {});
  if (auto otherwise = no_void_now(payment_of(effect))) return *std::move(otherwise);
  return {.verdict = Verdict::not_attempted, .error = "the payment still waits for its customer"};
}

void VoidHandler::settle(storage::Transaction& tx, const effects::Effect& effect, Outcome& outcome, Instant now) {
  const auto payment = find_payment(tx, PaymentId(effect.object));
  BURSAR_ASSERT(payment.has_value());
  if (outcome.verdict == Verdict::parked && payment->open()) {
    raise_task(tx, "confirm_payment", payment->account, payment->id.value(),
               "Cancel a payment of " + payment->amount.to_string() + " that its customer did not confirm",
               outcome.error + "; cancel it in the gateway's own pages, then set the payment to failed.", now);
  }
  if (outcome.data.empty()) return;  // the gateway was not asked
  const GatewayAnswer answer = answer_of(outcome);
  switch (answer.outcome) {
    case GatewayOutcome::succeeded: {
      outcome.verdict = Verdict::done;
      if (!payment->open()) return;
      const GatewayAnswer ended = let_go(tx, *payment);
      settle_payment(tx, context_, payment->id, ended, Verdict::failed, now);
      effects::conclude(tx, charge_key(payment->id), Verdict::failed, ended.decline_code, now);
      return;
    }
    case GatewayOutcome::not_attempted:
      outcome.verdict = Verdict::not_attempted;
      return;
    case GatewayOutcome::declined:  // it was paid, or is over, and the charge's own lookup tells which
    case GatewayOutcome::pending:
    case GatewayOutcome::requires_action:
    case GatewayOutcome::unknown:
      effects::ask_again(tx, charge_key(payment->id), now);
      outcome.verdict = Verdict::unknown;
      outcome.error = answer.decline_text.empty() ? answer.error : answer.decline_text;
      return;
  }
}

}  // namespace bursar::payments
