// Money meets an invoice. All of it inside the caller's transaction.
//
// Who books what: the caller of reduce_balance() (payments) books its own journal entry and its allocations row with
// the amounts of the answer; apply_credit() books both itself.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/rules.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

struct Settled {
  Money applied;  // what the invoice took: at most its balance
  Money surplus;  // the rest, for customer credit; everything when the invoice is paid, void or written off
  Money balance;  // of the invoice now
  bool newly_paid = false;
  InvoiceKind kind = InvoiceKind::manual;
  std::vector<ServiceId> services;  // that the invoice covers; filled when newly paid
};

// Takes money off an invoice's balance. `amount` > 0, in the invoice's currency. When that pays it: status and paid_at
// are set, autopay and dunning are cleared, a pro-forma takes its number, and what waited for the payment happens here,
// on every path: pending services of an order become active, services suspended as overdue come back when nothing else
// of theirs is overdue, a deposit becomes credit.
//
//   auto settled = reduce_balance(tx, rules, invoice, received, now);
//   ledger::apply_new(tx, {.kind = EntryKind::payment_received, .source = payment.value(), ..., .postings =
//       Postings::Builder(account).debit(LedgerAccount::clearing(gateway), received)
//           .credit_receivable(invoice, settled.applied).credit(LedgerAccount::customer_credit(),
//           settled.surplus).build()});
//   // and an allocations row of settled.applied, when that is not zero
Settled reduce_balance(storage::Transaction& tx, const Rules& rules, InvoiceId invoice, Money amount, Instant now);

// The other way, for a payment that turns out not to have happened (chargeback, reorganised chain): adds `amount` to
// what is owed of a paid or open invoice. The caller books the entry and the negative allocation. Answers what could be
// re-opened: nothing for a void, written-off or refunded invoice.
Money reopen_balance(storage::Transaction& tx, const Rules& rules, InvoiceId invoice, Money amount, Instant now);

// Uses account credit for an invoice: at most `amount`, its balance and the credit there is. Books entry and
// allocation. A deposit takes no credit (409 deposit_takes_no_credit); an invoice that is not open neither (409
// invoice_not_open).
Result<Settled> apply_credit(storage::Transaction& tx, const Rules& rules, InvoiceId invoice, Money amount,
                             Instant now);

// Gives credit to an account by staff's decision. `source`: the audit event. Books the entry (debit credit_granted).
void grant_credit(storage::Transaction& tx, const Rules& rules, AccountId account, Money amount, std::int64_t source,
                  std::string reason, Instant now);

}  // namespace bursar::invoicing
