// Money that gateways were asked for and nobody knows the end of yet: a card's charge for seconds, a bank's debit for
// days. It is neither paid nor unpaid: nothing else is charged for it, and nobody is dunned for it.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "base/id.hpp"
#include "base/money.hpp"
#include "storage/database.hpp"

// SQL: in minor units, what such payments may bring for an invoice. `invoice` is the expression of its id, `more` a
// further condition on the payment `p`, or "".
#define BURSAR_UNDER_WAY(invoice, more)                                                                   \
  "(coalesce((SELECT SUM(p.amount) FROM payments p WHERE p.invoice_id = " invoice                         \
  " AND p.status IN ('pending', 'unknown')" more                                                          \
  "), 0) + coalesce((SELECT SUM(t.amount) FROM payment_targets t JOIN payments p ON p.id = t.payment_id " \
  "WHERE t.invoice_id = " invoice " AND p.status IN ('pending', 'unknown')" more "), 0))"

namespace bursar::payments {

// Those of the invoices for which something is under way.
std::map<InvoiceId, Money> money_under_way(storage::Connection& c, std::span<const std::int64_t> invoices);

}  // namespace bursar::payments
