// Writing snapshots of legal data; reading them is in accounts.hpp.
#pragma once

#include "accounts/accounts.hpp"

namespace bursar::accounts {

bool same_legal_data(const Party& a, const Party& b);
std::int64_t write_party(storage::Transaction& tx, const Party& party, Instant now);  // the id; party.id is not read

}  // namespace bursar::accounts
