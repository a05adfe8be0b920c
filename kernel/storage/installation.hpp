// Facts of this installation that the store keeps for every folder: the key of its outside ids, and gap-free numbers.
#pragma once

#include <string_view>

#include "base/id.hpp"
#include "storage/database.hpp"

namespace bursar::storage {

// The key that `db migrate` drew at the first migration; the same for every process of this installation, for ever.
IdCodec::Key load_id_key(Database& db);

// Takes `count` numbers of a gap-free series ("INV-2027"), beginning at 1, inside the transaction that uses them: if it
// rolls back, so do they. Answers the first. Transactions that take from one series wait for, or conflict with, each
// other.
std::int64_t reserve_numbers(Transaction& tx, std::string_view series, std::int64_t count);

}  // namespace bursar::storage
