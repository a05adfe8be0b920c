#include "payments/payments.hpp"

#include <algorithm>

#include "accounts/audit.hpp"
#include "invoicing/invoices.hpp"
#include "payments/methods.hpp"
#include "payments/settle.hpp"
#include "payments/staff_tasks.hpp"

namespace bursar::payments {

namespace {

// How long the workers leave a charge to the thread that recorded it.
constexpr Duration grace = seconds(30);
// After that an action nobody took no longer stands in the way of another try; should it succeed late, the surplus is
// credit.
constexpr Duration action_blocks_for = minutes(30);
constexpr Duration ask_interval = seconds(5);

std::string charge_key(PaymentId payment) { return "charge:" + std::to_string(payment.value()) + ":1"; }

Error bad_field(std::string pointer, std::string detail) {
  return invalid("invalid_fields", "Some fields are not valid.", {{std::move(pointer), std::move(detail)}});
}

bool is_staff_confirmed(Gateways& gateways, const std::string& instance) {
  const Gateway* gateway = gateways.find(instance);
  return gateway != nullptr && gateway->info().staff_confirms;
}

// Whether the gateway may take this payment's money without anybody else doing a thing for it.
bool in_flight(const Payment& payment, Gateways& gateways, Instant now) {
  if (!payment.open() || is_staff_confirmed(gateways, payment.gateway)) return false;
  if (payment.status != PaymentStatus::requires_action) return true;
  return now < payment.expires_at.value_or(payment.created_at + action_blocks_for);
}

struct Checked {
  invoicing::Invoice invoice;
  std::string gateway;
  Money amount;
};

Result<std::string> check_gateway(storage::Transaction& tx, const Context& context, const NewPayment& payment,
                                  const invoicing::Invoice& invoice) {
  std::string instance = payment.gateway;
  if (payment.method) {
    const auto method = find_method(tx, payment.method);
    if (!method || method->account != invoice.account) {
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
  const Currency currency = invoice.balance.currency();
  if (!accepted.empty() && std::find(accepted.begin(), accepted.end(), currency) == accepted.end()) {
    return bad_field("/gateway", "does not take " + std::string(currency.code()));
  }
  return instance;
}

Result<Checked> check(storage::Transaction& tx, const Context& context, const NewPayment& payment, Instant now) {
  auto invoice = invoicing::find_invoice(tx, payment.invoice);
  if (!invoice) return not_found("no_such_invoice", "There is no such invoice.");
  BURSAR_TRY(instance, check_gateway(tx, context, payment, *invoice));
  if (invoice->status != invoicing::InvoiceStatus::open || !invoice->balance.is_positive()) {
    return conflict("invoice_not_open", "Nothing is owed on this invoice.");
  }
  const Money amount = payment.amount.value_or(invoice->balance);
  if (amount.currency() != invoice->balance.currency()) {
    return bad_field("/amount", "must be in " + std::string(invoice->balance.currency().code()));
  }
  if (!amount.is_positive()) return bad_field("/amount", "must be positive");
  Money coming = Money::zero(amount.currency());
  for (const Payment& other : payments_of_invoice(tx, payment.invoice)) {
    if (in_flight(other, context.gateways, now)) coming += other.amount;
  }
  if (coming.is_positive() && coming + amount > invoice->balance) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "payment_in_flight",
                 .detail = "A payment for this invoice is under way: " + coming.to_string() + " may arrive any moment.",
                 .cure = "Wait until its outcome is known, or finish it.",
                 .retry = Retry::later};
  }
  return Checked{.invoice = *std::move(invoice), .gateway = std::move(instance), .amount = amount};
}

// A transfer that nobody confirmed yet is replaced by the customer's next choice of the same kind: one task for staff,
// not one for each click.
void replace_unconfirmed(storage::Transaction& tx, const Context& context, const Checked& checked, Instant now) {
  if (!is_staff_confirmed(context.gateways, checked.gateway)) return;
  for (const Payment& other : payments_of_invoice(tx, checked.invoice.id)) {
    if (other.status != PaymentStatus::requires_action || other.gateway != checked.gateway) continue;
    tx.execute(
        "UPDATE payments SET status = 'failed', decline_code = 'replaced', decline_text = 'A later payment took its "
        "place.', next_action = '', settled_at = $2, version = version + 1 WHERE id = $1",
        other.id, now);
    close_task(tx, "confirm_payment", other.id.value(), "dismissed", {}, now);
  }
}

}  // namespace

Result<PaymentId> Payments::record(storage::Transaction& tx, const NewPayment& payment, const accounts::Actor& actor,
                                   Instant now) {
  BURSAR_TRY(checked, check(tx, context_, payment, now));
  replace_unconfirmed(tx, context_, checked, now);
  const auto id = tx.new_id<PaymentId>();
  tx.execute(
      "INSERT INTO payments (id, account_id, gateway, method_id, invoice_id, origin, status, currency, amount, "
      "created_at) VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9)",
      id, checked.invoice.account, checked.gateway, payment.method, checked.invoice.id, to_string(payment.origin),
      checked.amount.currency().code(), checked.amount.minor(), now);
  const effects::NewEffect charge{.kind = "charge",
                                  .key = charge_key(id),
                                  .instance = checked.gateway,
                                  .account = checked.invoice.account,
                                  .object = id.value(),
                                  .not_before = now + grace};
  effects::record(tx, now, {&charge, 1});
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = checked.invoice.account,
                          .action = "payment.start",
                          .object = accounts::audit_object(id),
                          .detail = "{\"amount\":\"" + checked.amount.to_string() + "\"}"});
  return id;
}

void Payments::perform(PaymentId payment) { context_.perform_now(charge_key(payment)); }

Result<Payment> Payments::pay(const NewPayment& payment, const accounts::Actor& actor) {
  BURSAR_TRY(id, context_.db.write("record_payment", [&](storage::Transaction& tx) {
    return record(tx, payment, actor, context_.clock.now());
  }));
  perform(id);
  auto stored = context_.db.read([&](storage::Connection& c) { return find_payment(c, id); });
  BURSAR_ASSERT(stored.has_value());
  return *std::move(stored);
}

bool Payments::may_ask(PaymentId payment) {
  const Instant now = context_.clock.now();
  const std::lock_guard lock(mutex_);
  std::erase_if(asked_, [&](const auto& asked) { return now - asked.second >= ask_interval; });
  return asked_.emplace(payment, now).second;
}

std::optional<Payment> Payments::read(PaymentId id) {
  const auto find = [&] { return context_.db.read([&](storage::Connection& c) { return find_payment(c, id); }); };
  auto payment = find();
  // A charge that is recorded and was never begun is the workers' affair.
  const bool began = payment && payment->open() && context_.db.read([&](storage::Connection& c) {
    return c.query("SELECT 1 FROM effects WHERE key = $1 AND state IN ('unknown', 'waiting')", charge_key(id)).next();
  });
  if (!began || !may_ask(id) || !context_.perform_now(charge_key(id))) return payment;
  return find();
}

Result<Payment> Payments::confirm(PaymentId id, Money received, const std::string& reference,
                                  const accounts::Actor& actor) {
  return context_.db.write("confirm_payment", [&](storage::Transaction& tx) -> Result<Payment> {
    const Instant now = context_.clock.now();
    const auto payment = find_payment(tx, id);
    if (!payment) return not_found("no_such_payment", "There is no such payment.");
    if (!is_staff_confirmed(context_.gateways, payment->gateway)) {
      return conflict("payment_not_by_hand", "Money of this gateway is told by the gateway, not by staff.");
    }
    // A transfer that a later choice replaced may have been made all the same: the bank's statement is what counts.
    const bool replaced = payment->status == PaymentStatus::failed && payment->decline_code == "replaced";
    if (!payment->open() && !replaced) return conflict("payment_not_open", "The payment is settled already.");
    if (!received.is_positive() || received.currency() != payment->amount.currency()) {
      return bad_field("/amount", "must be positive and in " + std::string(payment->amount.currency().code()));
    }
    const auto settled = settle_payment(
        tx, context_, id, {.outcome = GatewayOutcome::succeeded, .processed = received, .reference = reference},
        effects::Verdict::done, now);
    if (settled.verdict != effects::Verdict::done) return bad_field("/reference", settled.error);
    // The task is closed by the settlement; this names who did.
    tx.execute(
        "UPDATE staff_tasks SET closed_by = $2 WHERE kind = 'confirm_payment' AND object_id = $1 AND closed_by IS NULL",
        id, actor.user);
    tx.execute("UPDATE effects SET state = 'done', next_at = NULL, finished_at = $2 WHERE key = $1 AND state <> 'done'",
               charge_key(id), now);
    accounts::append_audit(tx, now,
                           {.actor = actor,
                            .account = payment->account,
                            .action = "payment.confirm",
                            .object = accounts::audit_object(id),
                            .detail = "{\"received\":\"" + received.to_string() + "\"}"});
    return *find_payment(tx, id);
  });
}

Result<Payment> Payments::dismiss(PaymentId id, const accounts::Actor& actor) {
  return context_.db.write("dismiss_payment", [&](storage::Transaction& tx) -> Result<Payment> {
    const Instant now = context_.clock.now();
    const auto payment = find_payment(tx, id);
    if (!payment) return not_found("no_such_payment", "There is no such payment.");
    if (!is_staff_confirmed(context_.gateways, payment->gateway)) {
      return conflict("payment_not_by_hand", "Money of this gateway is told by the gateway, not by staff.");
    }
    if (!payment->open()) return conflict("payment_not_open", "The payment is settled already.");
    settle_payment(tx, context_, id,
                   {.outcome = GatewayOutcome::declined,
                    .decline_class = DeclineClass::final,
                    .decline_code = "not_received",
                    .decline_text = "The money did not arrive."},
                   effects::Verdict::failed, now);
    tx.execute(
        "UPDATE staff_tasks SET closed_by = $2 WHERE kind = 'confirm_payment' AND object_id = $1 AND closed_by IS NULL",
        id, actor.user);
    tx.execute(
        "UPDATE effects SET state = 'failed', next_at = NULL, finished_at = $2 WHERE key = $1 AND finished_at IS NULL",
        charge_key(id), now);
    accounts::append_audit(tx, now,
                           {.actor = actor,
                            .account = payment->account,
                            .action = "payment.dismiss",
                            .object = accounts::audit_object(id)});
    return *find_payment(tx, id);
  });
}

}  // namespace bursar::payments
