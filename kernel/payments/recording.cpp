#include "payments/recording.hpp"

#include <algorithm>

#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "payments/methods.hpp"

namespace bursar::payments {

namespace {

// How long the workers leave a charge to the thread that recorded it.
constexpr Duration grace = seconds(30);
// After that an action nobody took no longer stands in the way of another try; should it succeed late, the surplus is
// credit.
constexpr Duration action_blocks_for = minutes(30);

void insert_targets(storage::Transaction& tx, PaymentId payment, const std::vector<Target>& targets) {
  using storage::Batch;
  Batch rows{{"payment_id", Batch::integer},
             {"position", Batch::integer},
             {"invoice_id", Batch::integer},
             {"amount", Batch::integer}};
  int position = 1;
  for (const Target& target : targets) rows.add(payment, position++, target.invoice, target.amount.minor());
  tx.insert_many("payment_targets", rows);
}

}  // namespace

Error bad_field(std::string pointer, std::string detail) {
  return invalid("invalid_fields", "Some fields are not valid.", {{std::move(pointer), std::move(detail)}});
}

std::string void_key(PaymentId payment) { return "void:" + std::to_string(payment.value()) + ":1"; }

std::string charge_key(PaymentId payment) { return "charge:" + std::to_string(payment.value()) + ":1"; }

GatewayAnswer no_gateway(const std::string& instance) {
  return {.outcome = GatewayOutcome::not_attempted,
          .error = "the gateway '" + instance + "' is not loaded; see `bursar plugin list`"};
}

bool is_staff_confirmed(Gateways& gateways, const std::string& instance) {
  const Gateway* gateway = gateways.find(instance);
  return gateway != nullptr && gateway->info().staff_confirms;
}

Result<std::string> choose_gateway(storage::Transaction& tx, const Context& context, const Means& means,
                                   AccountId account, Currency currency) {
  std::string instance = means.gateway;
  if (means.method) {
    const auto method = find_method(tx, means.method);
    if (!method || method->account != account) {
      return not_found("no_such_payment_method", "There is no such payment method.");
    }
    if (!instance.empty() && instance != method->gateway) {
      return bad_field("/gateway", "is not the gateway of the payment method");
    }
    instance = method->gateway;
  }
  const Gateway* gateway = context.gateways.find(instance);
  if (gateway == nullptr) return bad_field("/gateway", "is no gateway that can be used now");
  const auto& accepted = gateway->info().currencies;
  if (!accepted.empty() && std::find(accepted.begin(), accepted.end(), currency) == accepted.end()) {
    return bad_field("/gateway", "does not take " + std::string(currency.code()));
  }
  if (means.save_method) {
    if (means.method) return bad_field("/save_method", "is for payments without a saved method");
    if (!gateway->info().stored_methods) return bad_field("/save_method", "is for gateways that keep methods");
    BURSAR_CHECK(check_room_for_method(tx, account));
  }
  return instance;
}

Status check_limits(Gateways& gateways, const std::string& instance, Money amount) {
  const Gateway* gateway = gateways.find(instance);
  BURSAR_ASSERT(gateway != nullptr);
  for (const AmountLimit& limit : gateway->info().limits) {
    if (limit.currency != amount.currency()) continue;
    if (amount.minor() < limit.minimum) {
      return bad_field("/gateway", "takes at least " + Money(limit.minimum, limit.currency).to_string());
    }
    if (limit.maximum > 0 && amount.minor() > limit.maximum) {
      return bad_field("/gateway", "takes at most " + Money(limit.maximum, limit.currency).to_string());
    }
  }
  return {};
}

bool in_flight(const OpenPayment& payment, Gateways& gateways, Instant now) {
  if (is_staff_confirmed(gateways, payment.gateway)) return false;
  if (payment.status != PaymentStatus::requires_action) return true;
  return now < payment.expires_at.value_or(payment.created_at + action_blocks_for);
}

Money under_way(storage::Connection& c, Gateways& gateways, InvoiceId invoice, Currency currency, Instant now) {
  Money coming = Money::zero(currency);
  for (const Payment& payment : payments_of_invoice(c, invoice)) {
    const OpenPayment standing{.status = payment.status,
                               .gateway = payment.gateway,
                               .created_at = payment.created_at,
                               .expires_at = payment.expires_at};
    if (!payment.open() || !in_flight(standing, gateways, now)) continue;
    for (const Target& target : targets_of(c, payment)) {
      if (target.invoice == invoice) coming += target.amount;
    }
  }
  return coming;
}

Error payment_in_flight(Money coming) {
  return {.kind = ErrorKind::conflict,
          .code = "payment_in_flight",
          .detail = "A payment for this invoice is under way: " + coming.to_string() + " may arrive any moment.",
          .cure = "Wait until its outcome is known, or finish it.",
          .retry = Retry::later};
}

Error credit_covers_all(std::string cure) {
  return {.kind = ErrorKind::conflict,
          .code = "credit_covers_all",
          .detail = "There is credit for all of it; no gateway is needed.",
          .cure = std::move(cure)};
}

PaymentId insert_payment(storage::Transaction& tx, const Recording& recording, const accounts::Actor& actor,
                         Instant now) {
  const auto id = tx.new_id<PaymentId>();
  tx.execute(
      "INSERT INTO payments (id, account_id, gateway, method_id, invoice_id, mass_payment_id, origin, status, "
      "currency, amount, save_method, return_url, cancel_url, created_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10, $11, $12, $13)",
      id, recording.account, recording.gateway, recording.method, recording.invoice, recording.mass_payment,
      to_string(recording.origin), recording.amount.currency().code(), recording.amount.minor(),
      recording.checkout.save_method, recording.checkout.return_url, recording.checkout.cancel_url, now);
  if (!recording.targets.empty()) insert_targets(tx, id, recording.targets);
  const effects::NewEffect charge{.kind = "charge",
                                  .key = charge_key(id),
                                  .instance = recording.gateway,
                                  .account = recording.account,
                                  .object = id.value(),
                                  .not_before = recording.caller_performs ? now + grace : now};
  effects::record(tx, now, {&charge, 1});
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = recording.account,
                          .action = "payment.start",
                          .object = accounts::audit_object(id),
                          .detail = "{\"amount\":\"" + recording.amount.to_string() + "\"}"});
  return id;
}

}  // namespace bursar::payments
