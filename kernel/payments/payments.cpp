#include "payments/payments.hpp"

#include <algorithm>

#include "accounts/audit.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/settlement.hpp"
#include "ledger/journal.hpp"
#include "payments/complete.hpp"
#include "payments/deposits.hpp"
#include "payments/recording.hpp"
#include "payments/settle.hpp"
#include "payments/staff_tasks.hpp"
#include "storage/failpoints.hpp"

namespace bursar::payments {

namespace {

Means means_of(const NewPayment& payment) {
  return {.gateway = payment.gateway, .method = payment.method, .save_method = payment.checkout.save_method};
}

struct Checked {
  invoicing::Invoice invoice;
  std::string gateway;
  Money amount;  // of which `credit` is paid by account credit at once
  Money credit;
};

Result<Checked> check(storage::Transaction& tx, const Context& context, const NewPayment& payment, Instant now) {
  auto invoice = invoicing::find_invoice(tx, payment.invoice);
  if (!invoice) return not_found("no_such_invoice", "There is no such invoice.");
  const Currency currency = invoice->balance.currency();
  BURSAR_TRY(instance, choose_gateway(tx, context, means_of(payment), invoice->account, currency));
  if (invoice->status != invoicing::InvoiceStatus::open || !invoice->balance.is_positive()) {
    return conflict("invoice_not_open", "Nothing is owed on this invoice.");
  }
  const Money amount = payment.amount.value_or(invoice->balance);
  if (amount.currency() != currency) return bad_field("/amount", "must be in " + std::string(currency.code()));
  if (!amount.is_positive()) return bad_field("/amount", "must be positive");
  if (amount > invoice->balance && payment.origin == PaymentOrigin::customer) {
    const Money added = amount - invoice->balance;
    BURSAR_CHECK(check_added(tx, context, invoice->account, added, "/amount", now));
  }
  const Money coming = under_way(tx, context.gateways, payment.invoice, currency, now);
  if (coming.is_positive() && coming + amount > invoice->balance) return payment_in_flight(coming);
  Money credit = Money::zero(currency);
  if (payment.use_credit) {
    if (invoice->kind == invoicing::InvoiceKind::deposit) {
      return conflict("deposit_takes_no_credit", "Adding credit can't be paid with credit.");
    }
    credit = std::min({ledger::credit_balance(tx, invoice->account, currency), amount, invoice->balance});
    if (credit == amount) return credit_covers_all("Apply credit to the invoice instead.");
  }
  BURSAR_CHECK(check_limits(context.gateways, instance, amount - credit));
  return Checked{.invoice = *std::move(invoice), .gateway = std::move(instance), .amount = amount, .credit = credit};
}

// What the gateway said of it can't be booked, or it can't be let go of; it stands in the way of others until staff
// have looked into it.
bool waits_for_a_person(storage::Connection& c, PaymentId payment) {
  return c
      .query("SELECT 1 FROM effects WHERE key IN ($1, $2) AND state = 'parked'", charge_key(payment), void_key(payment))
      .next();
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
  if (checked.credit.is_positive()) {
    BURSAR_TRY(applied, invoicing::apply_credit(tx, context_.rules, checked.invoice.id, checked.credit, now));
    (void)applied;  // its journal entry tells
  }
  return insert_payment(tx,
                        {.account = checked.invoice.account,
                         .gateway = checked.gateway,
                         .method = payment.method,
                         .invoice = checked.invoice.id,
                         .mass_payment = {},
                         .targets = {},
                         .origin = payment.origin,
                         .amount = checked.amount - checked.credit,
                         .checkout = payment.checkout},
                        actor, now);
}

void Payments::perform(PaymentId payment, const effects::Settling& settling) {
  storage::failpoints::reached("payment", "recorded");
  context_.perform_now(charge_key(payment), settling);
}

Result<Payment> Payments::pay(const NewPayment& payment, const accounts::Actor& actor) {
  BURSAR_TRY(id, context_.db.write("record_payment", [&](storage::Transaction& tx) {
    return record(tx, payment, actor, context_.clock.now());
  }));
  perform(id);
  auto stored = context_.db.read([&](storage::Connection& c) { return find_payment(c, id); });
  BURSAR_ASSERT(stored.has_value());
  return *std::move(stored);
}

std::optional<Payment> Payments::read(PaymentId id) {
  const auto find = [&] { return context_.db.read([&](storage::Connection& c) { return find_payment(c, id); }); };
  auto payment = find();
  // A charge that is recorded and was never begun is the workers' affair.
  const bool began = payment && payment->open() && context_.db.read([&](storage::Connection& c) {
    return c.query("SELECT 1 FROM effects WHERE key = $1 AND state IN ('unknown', 'waiting')", charge_key(id)).next();
  });
  if (!began || !pause_.may_ask(id, context_.clock.now())) return payment;
  const bool asked = context_.perform_now(charge_key(id), {});
  const auto complete = context_.db.read([&](storage::Connection& c) { return open_complete(c, id); });
  const bool taken = complete && context_.perform_now(*complete, {});
  return asked || taken ? find() : payment;
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
    // A transfer that was replaced, given up or dismissed may have been made all the same: the bank's statement is
    // what counts.
    const bool given_up = payment->status == PaymentStatus::failed;
    if (!payment->open() && !given_up) return conflict("payment_not_open", "The payment is settled already.");
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
    effects::conclude(tx, charge_key(id), effects::Verdict::done, "", now);
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
    if (!is_staff_confirmed(context_.gateways, payment->gateway) && !waits_for_a_person(tx, id)) {
      return conflict("payment_not_by_hand", "Money of this gateway is told by the gateway, not by staff.");
    }
    if (!payment->open()) return conflict("payment_not_open", "The payment is settled already.");
    dismiss_payment(tx, context_, *payment, now);
    tx.execute(
        "UPDATE staff_tasks SET closed_by = $2 WHERE kind = 'confirm_payment' AND object_id = $1 AND closed_by IS NULL",
        id, actor.user);
    effects::conclude(tx, charge_key(id), effects::Verdict::failed, "", now);
    effects::conclude(tx, void_key(id), effects::Verdict::done, "", now);
    accounts::append_audit(tx, now,
                           {.actor = actor,
                            .account = payment->account,
                            .action = "payment.dismiss",
                            .object = accounts::audit_object(id)});
    return *find_payment(tx, id);
  });
}

}  // namespace bursar::payments
