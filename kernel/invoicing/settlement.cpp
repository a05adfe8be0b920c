#include "invoicing/settlement.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "invoicing/allocations.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/paid.hpp"
#include "ledger/journal.hpp"

namespace bursar::invoicing {
namespace {

using ledger::LedgerAccount;
using storage::Transaction;

Invoice must_find(Transaction& tx, InvoiceId id) {
  auto invoice = find_invoice(tx, id);
  BURSAR_ASSERT(invoice.has_value());
  return *std::move(invoice);
}

Settled settle(Transaction& tx, const Rules& rules, const Invoice& invoice, Money amount, Instant now) {
  BURSAR_ASSERT(amount.is_positive());
  const Money applied = std::min(amount, invoice.balance);
  Settled settled{.applied = applied,
                  .surplus = amount - applied,
                  .balance = invoice.balance - applied,
                  .newly_paid = false,
                  .kind = invoice.kind,
                  .services = {}};
  if (applied.is_zero()) return settled;
  tx.execute("UPDATE invoices SET balance = $2, version = version + 1 WHERE id = $1", invoice.id,
             settled.balance.minor());
  if (!settled.balance.is_zero()) return settled;
  settled.newly_paid = true;
  settled.services = become_paid(tx, rules, invoice, now);
  return settled;
}

void book_credit(Transaction& tx, const Rules& rules, const Invoice& invoice, Money amount, std::string derivation,
                 Instant now) {
  const std::int64_t allocation = tx.reserve_ids(1);
  const EntryId entry = ledger::apply_new(tx, {.kind = ledger::EntryKind::credit_applied,
                                               .source = allocation,
                                               .account = invoice.account,
                                               .booked_at = now,
                                               .booked_on = rules.today(now),
                                               .postings = ledger::Postings::Builder(invoice.account)
                                                               .debit(LedgerAccount::customer_credit(), amount)
                                                               .credit_receivable(invoice.id, amount)
                                                               .build()});
  insert_allocation(tx,
                    {.id = allocation,
                     .account = invoice.account,
                     .payment = {},
                     .invoice = invoice.id,
                     .amount = amount,
                     .derivation = std::move(derivation)},
                    entry, now);
}

}  // namespace

Settled reduce_balance(Transaction& tx, const Rules& rules, InvoiceId id, Money amount, Instant now) {
  return settle(tx, rules, must_find(tx, id), amount, now);
}

Money reopen_balance(Transaction& tx, const Rules& rules, InvoiceId id, Money amount, Instant now) {
  BURSAR_ASSERT(amount.is_positive());
  const Invoice invoice = must_find(tx, id);
  const bool can_be_owed = (invoice.status == InvoiceStatus::paid || invoice.status == InvoiceStatus::open) &&
                           invoice.kind != InvoiceKind::deposit;
  const Money reopened =
      can_be_owed ? std::min(amount, invoice.total - invoice.balance) : Money::zero(amount.currency());
  if (reopened.is_zero()) return reopened;
  const Money balance = invoice.balance + reopened;
  tx.execute("UPDATE invoices SET balance = $2, status = 'open', paid_at = NULL, version = version + 1 WHERE id = $1",
             id, balance.minor());
  if (invoice.status == InvoiceStatus::open) return reopened;
  const auto step =
      rules.plan.first(invoice.due_on, rules.today(now), std::max(1, rules.billing.generate_days_before_due));
  if (step) {
    tx.execute("UPDATE invoices SET dunning_action = $2, dunning_on = $3, dunning_offset = $4 WHERE id = $1", id,
               to_string(step->step.action), step->on, step->step.offset);
  }
  return reopened;
}

Result<Settled> apply_credit(Transaction& tx, const Rules& rules, InvoiceId id, Money amount, Instant now) {
  const auto invoice = find_invoice(tx, id);
  if (!invoice) return not_found("no_such_invoice", "There is no such invoice.");
  if (invoice->kind == InvoiceKind::deposit) {
    return conflict("deposit_takes_no_credit", "Adding credit can't be paid with credit.");
  }
  if (invoice->status != InvoiceStatus::open) return conflict("invoice_not_open", "Nothing is owed on the invoice.");
  if (!amount.is_positive() || amount.currency() != invoice->balance.currency()) {
    return invalid("invalid_amount", "The amount must be positive and in the currency of the invoice.",
                   {{"/amount", "must be positive and in the currency of the invoice"}});
  }
  const Money credit = ledger::credit_balance(tx, invoice->account, amount.currency());
  const Money used = std::min({amount, credit, invoice->balance});
  if (used.is_zero()) return conflict("no_credit", "There is no credit in the currency of the invoice.");
  auto derivation = derive_least("credit", {{"available", credit}, {"owed", invoice->balance}, {"asked", amount}});
  book_credit(tx, rules, *invoice, used, std::move(derivation), now);
  return settle(tx, rules, *invoice, used, now);
}

void grant_credit(Transaction& tx, const Rules& rules, AccountId account, Money amount, std::int64_t source,
                  std::string reason, Instant now) {
  BURSAR_ASSERT(amount.is_positive());
  ledger::apply_new(tx, {.kind = ledger::EntryKind::credit_granted,
                         .source = source,
                         .account = account,
                         .booked_at = now,
                         .booked_on = rules.today(now),
                         .postings = ledger::Postings::Builder(account)
                                         .debit(LedgerAccount::credit_granted(), amount)
                                         .credit(LedgerAccount::customer_credit(), amount)
                                         .build(),
                         .description = std::move(reason)});
}

}  // namespace bursar::invoicing
