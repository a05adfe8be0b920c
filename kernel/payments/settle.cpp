#include "payments/settle.hpp"

#include <algorithm>

#include "accounts/audit.hpp"
#include "invoicing/allocations.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/settlement.hpp"
#include "ledger/journal.hpp"
#include "payments/answer_text.hpp"
#include "payments/autopay_waterfall.hpp"
#include "payments/complete.hpp"
#include "payments/lapse.hpp"
#include "payments/mass_payments.hpp"
#include "payments/methods.hpp"
#include "payments/recording.hpp"
#include "payments/staff_tasks.hpp"
#include "payments/suspense.hpp"

namespace bursar::payments {

namespace {

using effects::Verdict;
using ledger::LedgerAccount;
using notices::Notice;
using notices::Template;

notices::Values invoice_values(const std::optional<invoicing::Invoice>& invoice, const Payment& payment) {
  notices::Values values{{"amount", payment.amount.to_string()}};
  if (invoice) {
    values.emplace_back("invoice_number", invoice->number);
    values.emplace_back("due_on", invoice->due_on.to_string());
  }
  return values;
}

void tell(storage::Transaction& tx, const Context& context, const Payment& payment, Template name,
          notices::Values values, Instant now) {
  const Notice notice{.cause = std::string(notices::to_string(name)) + ":" + std::to_string(payment.id.value()),
                      .account = payment.account,
                      .name = name,
                      .values = std::move(values)};
  context.outbox.enqueue(tx, {&notice, 1}, now);
}

bool reference_is_taken(storage::Transaction& tx, const Payment& payment, const std::string& reference) {
  return tx
      .query("SELECT id FROM payments WHERE gateway = $1 AND gateway_reference = $2 AND id <> $3", payment.gateway,
             reference, payment.id)
      .next();
}

// Why this success can't be booked as it stands; empty: it can.
std::string objection(storage::Transaction& tx, const Payment& payment, const GatewayAnswer& answer,
                      const Money& received) {
  if (received.currency() != payment.amount.currency()) {
    return "the gateway took " + received.to_string() + " for a payment in " +
           std::string(payment.amount.currency().code());
  }
  if (!received.is_positive()) return "the gateway says it took " + received.to_string();
  if (answer.reference.empty()) return {};
  if (const auto held = suspense_of(tx, payment.gateway, answer.reference);
      held && held->status == "open" && held->amount != received) {
    return "the gateway's transaction " + answer.reference + " is in suspense with " + held->amount.to_string();
  }
  if (!reference_is_taken(tx, payment, answer.reference)) return {};
  return "the gateway's transaction " + answer.reference + " belongs to another payment";
}

Money fee_of(const Payment& payment, const GatewayAnswer& answer, const Money& received) {
  const bool usable = answer.fee && !answer.fee->is_negative() &&
                      (answer.fee->currency() != received.currency() || *answer.fee <= received);
  return usable ? *answer.fee : Money::zero(payment.amount.currency());
}

struct Share {
  InvoiceId invoice;
  Money amount;  // that it took, the least of
  Money offered;
  Money owed;
};
struct Spread {
  std::vector<Share> applied;
  Money surplus;  // for customer credit
  Money balance;  // still owed on the invoices it was for
};

// An invoice of its own takes whatever comes, each of several at most what was asked for it: one that was paid
// meanwhile leaves its share to customer credit.
Spread spread_over(storage::Transaction& tx, const Context& context, const Payment& payment, const Money& received,
                   Instant now) {
  const Money zero = Money::zero(received.currency());
  Spread spread{.applied = {}, .surplus = received, .balance = zero};
  for (const Target& target : targets_of(tx, payment)) {
    const Money share = payment.invoice ? spread.surplus : std::min(spread.surplus, target.amount);
    if (share.is_zero()) {
      const auto invoice = invoicing::find_invoice(tx, target.invoice);
      if (invoice) spread.balance += invoice->balance;
      continue;
    }
    const auto settled = invoicing::reduce_balance(tx, context.rules, target.invoice, share, now);
    spread.surplus -= settled.applied;
    spread.balance += settled.balance;
    if (!settled.applied.is_zero()) {
      spread.applied.push_back({target.invoice, settled.applied, share, settled.applied + settled.balance});
    }
  }
  return spread;
}

void insert_allocations(storage::Transaction& tx, const Payment& payment, const Spread& spread, EntryId entry,
                        Instant now) {
  for (const Share& part : spread.applied) {
    invoicing::insert_allocation(
        tx,
        {.account = payment.account,
         .payment = payment.id,
         .invoice = part.invoice,
         .amount = part.amount,
         .derivation = invoicing::derive_least("payment", {{"offered", part.offered}, {"owed", part.owed}})},
        entry, now);
  }
}

// "INV-1", "INV-1, INV-2 and 3 more"; empty for a deposit that has no number yet.
std::string invoice_numbers(storage::Transaction& tx, const Payment& payment) {
  constexpr std::size_t most_named = 5;
  std::string out;
  std::size_t named = 0, others = 0;
  for (const Target& target : targets_of(tx, payment)) {
    const auto invoice = invoicing::find_invoice(tx, target.invoice);
    if (!invoice || invoice->number.empty()) continue;
    if (named == most_named) {
      ++others;
      continue;
    }
    out += (named++ == 0 ? "" : ", ") + invoice->number;
  }
  return others == 0 ? out : out + " and " + std::to_string(others) + " more";
}

// The fee of money that was booked whole: before it was known whose it is, or as the gateway keeps its fees out of what
// it holds in another currency.
void book_fee(storage::Transaction& tx, const Context& context, const Payment& payment, Money fee, Instant now) {
  ledger::apply_new(tx, {.kind = ledger::EntryKind::gateway_fee,
                         .source = payment.id.value(),
                         .account = payment.account,
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = ledger::Postings::Builder(payment.account)
                                         .debit(LedgerAccount::gateway_fees(), fee)
                                         .credit(LedgerAccount::clearing(payment.gateway), fee)
                                         .build()});
}

void book_success(storage::Transaction& tx, const Context& context, const Payment& payment, const GatewayAnswer& answer,
                  const Money& received, Instant now) {
  const Money fee = fee_of(payment, answer, received);
  const Spread spread = spread_over(tx, context, payment, received, now);
  const auto held = answer.reference.empty() ? std::nullopt : suspense_of(tx, payment.gateway, answer.reference);
  const bool apart = held || fee.currency() != received.currency();
  ledger::Postings::Builder postings(payment.account);
  if (held) {
    BURSAR_ASSERT(held->status == "open");
    postings.debit(LedgerAccount::suspense(), received);
    close_suspense(tx, held->id, payment.id, now);
  } else if (apart) {
    postings.debit(LedgerAccount::clearing(payment.gateway), received);
  } else {
    postings.debit(LedgerAccount::clearing(payment.gateway), received - fee).debit(LedgerAccount::gateway_fees(), fee);
  }
  if (apart && fee.is_positive()) book_fee(tx, context, payment, fee, now);
  for (const Share& part : spread.applied) postings.credit_receivable(part.invoice, part.amount);
  postings.credit(LedgerAccount::customer_credit(), spread.surplus);
  const auto entry = ledger::apply_new(tx, {.kind = ledger::EntryKind::payment_received,
                                            .source = payment.id.value(),
                                            .account = payment.account,
                                            .booked_at = now,
                                            .booked_on = context.rules.today(now),
                                            .postings = postings.build()});
  insert_allocations(tx, payment, spread, entry, now);
  const std::optional<std::string> reference =
      answer.reference.empty() ? std::nullopt : std::optional(answer.reference);
  tx.execute(
      "UPDATE payments SET status = 'succeeded', received = $2, fee = $3, fee_currency = $6, "
      "gateway_reference = coalesce($4, gateway_reference), next_action = '', "
      "decline_code = '', decline_text = '', settled_at = $5, version = version + 1 WHERE id = $1",
      payment.id, received.minor(), fee.minor(), reference, now, fee.currency().code());
  close_task(tx, "confirm_payment", payment.id.value(), "done", {}, now);
  // Its failure had been told.
  if (payment.origin == PaymentOrigin::autopay && payment.status == PaymentStatus::failed) {
    end_attempt(tx, payment.id, AttemptOutcome::charged);
  }
  if (payment.mass_payment) complete_if_nothing_is_owed(tx, payment.mass_payment, now);
  for (const Share& part : spread.applied) {
    if (part.amount == part.owed) let_go_of_others(tx, context, part.invoice, payment.id, now);
  }
  accounts::append_audit(tx, now,
                         {.account = payment.account,
                          .action = "payment.succeeded",
                          .object = accounts::audit_object(payment.id),
                          .detail = "{\"received\":\"" + received.to_string() + "\"}"});
  tell(tx, context, payment, Template::payment_received,
       {{"amount", received.to_string()},
        {"invoice_number", invoice_numbers(tx, payment)},
        {"credit", spread.surplus.is_zero() ? "" : spread.surplus.to_string()},
        {"balance", spread.balance.is_zero() ? "" : spread.balance.to_string()}},
       now);
}

// The money came as nobody's, and staff sent it back or gave it to another payment before it was known whose it is.
// There is no other money: the payment brought none.
std::optional<Settlement> decided_in_suspense(storage::Transaction& tx, const Payment& payment,
                                              const GatewayAnswer& answer, Instant now) {
  const auto item = answer.reference.empty() ? std::nullopt : suspense_of(tx, payment.gateway, answer.reference);
  if (!item || item->status == "open") return std::nullopt;
  const bool returned = item->status == "returned";
  tx.execute(
      "UPDATE payments SET status = 'failed', next_action = '', decline_code = $2, decline_text = $3, settled_at = $4, "
      "version = version + 1 WHERE id = $1",
      payment.id, returned ? sent_back : assigned_otherwise,
      returned ? "The money was sent back before it was known whose it is."
               : "The money was assigned as another payment before it was known whose it is.",
      now);
  close_task(tx, "confirm_payment", payment.id.value(), "done", {}, now);
  end_attempt(tx, payment.id, AttemptOutcome::declined_soft);
  return Settlement{Verdict::failed, "the transaction " + answer.reference + " was in suspense and is " + item->status};
}

Settlement succeeded(storage::Transaction& tx, const Context& context, const Payment& payment,
                     const GatewayAnswer& answer, Instant now) {
  if (auto decided = decided_in_suspense(tx, payment, answer, now)) return *std::move(decided);
  const Money received = answer.processed.value_or(payment.amount);
  if (const std::string reason = objection(tx, payment, answer, received); !reason.empty()) {
    raise_task(tx, "confirm_payment", payment.account, payment.id.value(), "Look into a payment that can't be booked",
               reason, now);
    if (payment.status == PaymentStatus::failed) return {Verdict::failed, reason};
    tx.execute("UPDATE payments SET status = 'unknown', version = version + 1 WHERE id = $1", payment.id);
    return {Verdict::parked, reason};
  }
  book_success(tx, context, payment, answer, received, now);
  keep_agreed_method(tx, context, payment, answer, now);
  return {Verdict::done};
}

// What is known before the money is there. The reference is kept for lookup, unless another payment has it.
void mark(storage::Transaction& tx, const Payment& payment, PaymentStatus status, const GatewayAnswer& answer) {
  const bool keeps_reference = !answer.reference.empty() && !reference_is_taken(tx, payment, answer.reference);
  tx.execute(
      "UPDATE payments SET status = $2, next_action = $3, expires_at = coalesce($4, expires_at), "
      "gateway_reference = coalesce($5, gateway_reference), version = version + 1 WHERE id = $1",
      payment.id, to_string(status), action_text(answer.action), answer.expires_at,
      keeps_reference ? std::optional(answer.reference) : std::nullopt);
}

void mark_failed(storage::Transaction& tx, const Payment& payment, const GatewayAnswer& answer, Instant now) {
  tx.execute(
      "UPDATE payments SET status = 'failed', next_action = '', decline_code = $2, decline_text = $3, settled_at = $4, "
      "version = version + 1 WHERE id = $1",
      payment.id, answer.decline_code, answer.decline_text, now);
  close_task(tx, "confirm_payment", payment.id.value(), "dismissed", {}, now);
}

void failed(storage::Transaction& tx, const Context& context, const Payment& payment, const GatewayAnswer& answer,
            Instant now) {
  mark_failed(tx, payment, answer, now);
  // A customer who is present sees it where they stand.
  if (payment.origin == PaymentOrigin::autopay) autopay_declined(tx, context, payment, answer.decline_class, now);
}

// The gateway was not asked, as the charge's reason was gone: no decline.
void withdrawn(storage::Transaction& tx, const Context& context, const Payment& payment, const GatewayAnswer& answer,
               Instant now) {
  mark_failed(tx, payment, answer, now);
  if (payment.origin == PaymentOrigin::autopay) autopay_withdrawn(tx, context, payment, answer.decline_code, now);
}

Settlement requires_action(storage::Transaction& tx, const Context& context, const Payment& payment,
                           const GatewayAnswer& answer, Instant now) {
  mark(tx, payment, PaymentStatus::requires_action, answer);
  if (payment.origin == PaymentOrigin::autopay) {
    const auto invoice = invoicing::find_invoice(tx, payment.invoice);
    auto values = invoice_values(invoice, payment);
    values.emplace_back("action_url", answer.action.url.empty() ? context.public_url : answer.action.url);
    tell(tx, context, payment, Template::action_required, std::move(values), now);
  }
  if (!is_staff_confirmed(context.gateways, payment.gateway)) return {Verdict::waiting};
  const std::string numbers = invoice_numbers(tx, payment);
  raise_task(tx, "confirm_payment", payment.account, payment.id.value(),
             "Confirm " + payment.amount.to_string() + (numbers.empty() ? "" : " for " + numbers), answer.action.text,
             now);
  // Nobody but staff will know when the money is there: there is nothing to look up.
  return {Verdict::done};
}

}  // namespace

bool keep_agreed_method(storage::Transaction& tx, const Context& context, const Payment& payment,
                        const GatewayAnswer& answer, Instant now) {
  const bool wanted = payment.save_method && !payment.saved_method;
  if (!wanted || answer.outcome != GatewayOutcome::succeeded || !answer.method) return false;
  const auto method = keep_method(
      tx, context.vault, {.account = payment.account, .gateway = payment.gateway, .method = *answer.method}, now);
  tx.execute("UPDATE payments SET saved_method_id = $2, version = version + 1 WHERE id = $1", payment.id, method);
  return true;
}

Settlement settle_payment(storage::Transaction& tx, const Context& context, PaymentId id, const GatewayAnswer& answer,
                          Verdict verdict, Instant now) {
  const auto payment = find_payment(tx, id);
  BURSAR_ASSERT(payment.has_value());
  const bool booked = !payment->open() && payment->status != PaymentStatus::failed;
  if (booked) {
    keep_agreed_method(tx, context, *payment, answer, now);
    return {Verdict::done};
  }
  switch (answer.outcome) {
    case GatewayOutcome::succeeded:
      return succeeded(tx, context, *payment, answer, now);
    case GatewayOutcome::declined:
      if (payment->status == PaymentStatus::failed) return {Verdict::failed};
      if (answer.withdrawn) {
        withdrawn(tx, context, *payment, answer, now);
      } else {
        failed(tx, context, *payment, answer, now);
      }
      return {Verdict::failed, answer.decline_code};
    case GatewayOutcome::requires_action:
      return requires_action(tx, context, *payment, answer, now);
    case GatewayOutcome::pending:
      // A transfer is pending to its gateway; for us it waits for the customer and then for staff.
      if (is_staff_confirmed(context.gateways, payment->gateway))
        return requires_action(tx, context, *payment, answer, now);
      // While it is being taken, only the taking tells more.
      if (answer.ready && open_complete(tx, id)) return {Verdict::waiting};
      mark(tx, *payment, PaymentStatus::pending, answer);
      if (answer.ready) record_complete(tx, *payment, now);
      return {Verdict::waiting};
    case GatewayOutcome::not_attempted:
      if (payment->status == PaymentStatus::failed) return {Verdict::failed};
      if (payment->origin == PaymentOrigin::autopay) return {Verdict::not_attempted, answer.error};
      // The customer is there and can choose again; a charge that begins behind their back later would surprise them.
      failed(tx, context, *payment,
             {.decline_code = "gateway_unreachable", .decline_text = "The payment service could not be reached."}, now);
      return {Verdict::failed, answer.error};
    case GatewayOutcome::unknown:
      break;
  }
  tx.execute("UPDATE payments SET status = 'unknown', version = version + 1 WHERE id = $1 AND status <> 'unknown'", id);
  return {verdict == Verdict::parked ? verdict : Verdict::unknown, answer.error};
}

void dismiss_payment(storage::Transaction& tx, const Context& context, const Payment& payment, Instant now) {
  BURSAR_ASSERT(payment.open());
  mark_failed(tx, payment, {.decline_code = "not_received", .decline_text = "The money did not arrive."}, now);
  if (payment.origin == PaymentOrigin::autopay) autopay_dismissed(tx, context, payment, now);
}

}  // namespace bursar::payments
