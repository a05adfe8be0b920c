// Issuing single invoices (the daily run issues its own in bulk, see renewal.hpp). The engine computes, this stores:
// invoice, lines, number, collection dates and journal entry, in the caller's transaction.
#pragma once

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

// An invoice for adding credit: paid, it becomes customer credit. Never charged automatically, never dunned, takes no
// credit. No tax: the tax is on what the credit is used for.
Result<InvoiceId> issue_deposit(storage::Transaction& tx, const Rules& rules, AccountId account, Money amount,
                                Instant now);

// The fee for an overdue invoice, at most one each: answers none when there is one already. Its own invoice, due at
// once.
Result<InvoiceId> issue_late_fee(storage::Transaction& tx, const Rules& rules, InvoiceId overdue, Money fee,
                                 Instant now);

struct ManualLine {
  std::string description;
  Money unit_price;
  std::int64_t quantity = 1;
  std::string tax_class = "standard";
};
// By staff: anything.
Result<InvoiceId> issue_manual(storage::Transaction& tx, const Rules& rules, AccountId account,
                               const std::vector<ManualLine>& lines, CivilDate due_on, Instant now);

}  // namespace bursar::invoicing
