#include "invoicing/allocations.hpp"

namespace bursar::invoicing {

void insert_allocation(storage::Transaction& tx, const NewAllocation& allocation, EntryId entry, Instant now) {
  tx.execute(
      "INSERT INTO allocations (id, account_id, payment_id, invoice_id, amount, entry_id, derivation, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      allocation.id == 0 ? tx.reserve_ids(1) : allocation.id, allocation.account, allocation.payment,
      allocation.invoice, allocation.amount.minor(), entry, allocation.derivation, now);
}

}  // namespace bursar::invoicing
