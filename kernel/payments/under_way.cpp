#include "payments/under_way.hpp"

namespace bursar::payments {

std::map<InvoiceId, Money> money_under_way(storage::Connection& c, std::span<const std::int64_t> invoices) {
  std::map<InvoiceId, Money> found;
  auto rows = c.query(
      "SELECT i.id, i.currency, " BURSAR_UNDER_WAY("i.id", "") " FROM invoices i WHERE i.id IN {list:$1}", invoices);
  while (rows.next()) {
    if (rows.integer(2) == 0) continue;
    found.emplace(rows.id<InvoiceId>(0), Money(rows.integer(2), Currency::parse(rows.text(1)).value()));
  }
  return found;
}

}  // namespace bursar::payments
