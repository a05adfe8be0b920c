// Where money went, row by row. Whoever changes an invoice's balance books its entry and writes these.
#pragma once

#include <cstdint>
#include <string>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

struct NewAllocation {
  std::int64_t id = 0;  // one the caller has reserved; none: a new one
  AccountId account;
  PaymentId payment;  // none: account credit
  InvoiceId invoice;
  Money amount;            // negative: taken back
  std::string derivation;  // derivation.hpp
};
void insert_allocation(storage::Transaction& tx, const NewAllocation& allocation, EntryId entry, Instant now);

}  // namespace bursar::invoicing
