#include "accounts/accounts.hpp"
#include "invoicing/invoices.hpp"
#include "payments/answer_text.hpp"
#include "payments/autopay_attempts.hpp"
#include "payments/autopay_plan.hpp"
#include "payments/method_tokens.hpp"
#include "payments/payments.hpp"
#include "payments/recording.hpp"
#include "payments/settle.hpp"
#include "payments/visit.hpp"

namespace bursar::payments {

namespace {

struct Charge {
  Payment payment;
  std::optional<invoicing::Invoice> invoice = std::nullopt;  // the first it pays
  std::vector<InvoiceId> invoices = {};
  std::string method_token = {};
  bool method_gone = false;
  bool autopay_enabled = false;
  bool held = false;
  bool paused = false;
  Visit visit = {};
};

Checkout checkout_of(storage::Connection& c, const Payment& payment) {
  auto rows = c.query("SELECT return_url, cancel_url FROM payments WHERE id = $1", payment.id);
  if (!rows.next()) return {};
  return {.return_url = rows.string(0), .cancel_url = rows.string(1), .save_method = payment.save_method};
}

std::optional<Charge> load(const Context& context, PaymentId id) {
  return context.db.read([&](storage::Connection& c) -> std::optional<Charge> {
    auto payment = find_payment(c, id);
    if (!payment) return std::nullopt;
    Charge charge{.payment = std::move(*payment)};
    const auto targets = targets_of(c, charge.payment);
    for (const Target& target : targets) charge.invoices.push_back(target.invoice);
    if (!targets.empty()) charge.invoice = invoicing::find_invoice(c, targets.front().invoice);
    if (charge.payment.method) {
      auto rows = c.query("SELECT token, status FROM payment_methods WHERE id = $1", charge.payment.method);
      charge.method_gone = !rows.next() || rows.text(1) != "active";
      if (!charge.method_gone) charge.method_token = open_token(context.vault, charge.payment.method, rows.text(0));
    }
    const auto account = accounts::find_account(c, charge.payment.account);
    charge.autopay_enabled = account && account->autopay_enabled;
    charge.held = c.query("SELECT 1 FROM held_invoices WHERE invoice_id = $1", charge.payment.invoice).next();
    charge.paused = charge.payment.origin == PaymentOrigin::autopay &&
                    declines_nearly_all(c, context.rules.billing.autopay.pause_when_declined, charge.payment.gateway,
                                        context.clock.now());
    charge.visit = visit_of(c, context, charge.payment.account, charge.payment.gateway,
                            "/payments/" + context.codec.text(id), checkout_of(c, charge.payment));
    return charge;
  });
}

GatewayAnswer withdrawal(std::string_view code, std::string text) {
  return {.outcome = GatewayOutcome::declined,
          .decline_code = std::string(code),
          .decline_text = std::move(text),
          .withdrawn = true};
}

// What was chosen is charged or nothing is: never another way to pay in its place.
std::optional<GatewayAnswer> reason_gone_of_customers(const Charge& charge) {
  if (!charge.method_gone) return std::nullopt;
  return GatewayAnswer{.outcome = GatewayOutcome::declined,
                       .decline_code = std::string(method_removed),
                       .decline_text = "The method was removed before the charge."};
}

// An automatic charge that is recorded and not begun yet is taken back when its reason is gone.
std::optional<GatewayAnswer> reason_gone(const Charge& charge, const Gateway* gateway) {
  if (charge.payment.origin != PaymentOrigin::autopay) return reason_gone_of_customers(charge);
  if (!charge.autopay_enabled) {
    return withdrawal(autopay_is_off, "Automatic payment was switched off before the charge.");
  }
  if (!charge.invoice || charge.invoice->status != invoicing::InvoiceStatus::open ||
      charge.invoice->balance < charge.payment.amount) {
    return withdrawal(invoice_changed, "The invoice was paid or changed before the charge.");
  }
  if (charge.held) return withdrawal(invoice_held, "The invoice was put on hold before the charge.");
  if (charge.method_gone) return withdrawal(method_removed, "The method was removed before the charge.");
  if (gateway == nullptr) return withdrawal(reason::no_gateway, "The payment service is no longer available.");
  if (charge.paused) return withdrawal(declines_paused, "The payment service declines nearly every charge.");
  return std::nullopt;
}

ChargeRequest request_of(const Context& context, const Charge& charge, const effects::Effect& effect) {
  const std::string number = charge.invoice ? charge.invoice->number : "";
  const std::size_t count = charge.invoices.size();
  const std::string more = count > 1 ? " and " + std::to_string(count - 1) + " more" : "";
  std::vector<std::string> ids;
  for (const InvoiceId id : charge.invoices) ids.push_back(context.codec.text(id));
  return {.idempotency_key = effect.key,
          .payment_id = context.codec.text(charge.payment.id),
          .account_id = context.codec.text(charge.payment.account),
          .invoice_number = number,
          .description = context.rules.provider.name + (number.empty() ? "" : " " + number) + more,
          .amount = charge.payment.amount,
          .method_token = charge.method_token,
          .visit = charge.visit,
          .save_method = charge.payment.save_method,
          .invoice_ids = std::move(ids)};
}

}  // namespace

int ChargeHandler::concurrency(std::string_view instance) const { return context_.gateways.concurrency(instance); }

effects::Outcome ChargeHandler::perform(const effects::Effect& effect) {
  const auto charge = load(context_, PaymentId(effect.object));
  if (!charge) return {.verdict = effects::Verdict::parked, .error = "the payment is not stored"};
  if (!charge->payment.open()) return {.verdict = effects::Verdict::done};
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (const auto gone = reason_gone(*charge, gateway)) return outcome_of(*gone);
  if (gateway == nullptr) return outcome_of(no_gateway(effect.instance));
  const ChargeRequest request = request_of(context_, *charge, effect);
  return outcome_of(charge->payment.method ? gateway->charge(request) : gateway->begin(request));
}

effects::Outcome ChargeHandler::inspect(const effects::Effect& effect) {
  const auto charge = load(context_, PaymentId(effect.object));
  if (!charge) return {.verdict = effects::Verdict::parked, .error = "the payment is not stored"};
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) {
    return {.verdict = effects::Verdict::unknown, .error = no_gateway(effect.instance).error};
  }
  return outcome_of(
      gateway->lookup(context_.codec.text(charge->payment.id), charge->payment.reference, charge->payment.amount));
}

void ChargeHandler::settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome,
                           Instant now) {
  if (outcome.data.empty() && outcome.verdict == effects::Verdict::done) return;  // it had been settled before
  const GatewayAnswer answer = answer_of(outcome);
  const Settlement settlement = settle_payment(tx, context_, PaymentId(effect.object), answer, outcome.verdict, now);
  outcome.verdict = settlement.verdict;
  if (!settlement.error.empty()) outcome.error = settlement.error;
  const bool over = settlement.verdict == effects::Verdict::done || settlement.verdict == effects::Verdict::failed;
  if (over) effects::conclude(tx, void_key(PaymentId(effect.object)), effects::Verdict::done, "", now);
}

}  // namespace bursar::payments
