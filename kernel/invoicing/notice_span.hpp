// "Tell the customers of these": notices writes the messages after the transaction, a few words for each. Internal to
// invoicing, which is below notices.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

// `notice`: the name of a template. The ids are those of invoices; one reservation gave them.
void tell_customers(storage::Transaction& tx, std::string_view notice, std::int64_t first, std::int64_t last,
                    Instant now);

}  // namespace bursar::invoicing
