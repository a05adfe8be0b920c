#include "invoicing/notice_span.hpp"

namespace bursar::invoicing {

void tell_customers(storage::Transaction& tx, std::string_view notice, std::int64_t first, std::int64_t last,
                    Instant now) {
  tx.execute("INSERT INTO notice_spans (id, template, first_id, last_id, created_at) VALUES ($1, $2, $3, $4, $5)",
             tx.reserve_ids(1), notice, first, last, now);
}

}  // namespace bursar::invoicing
