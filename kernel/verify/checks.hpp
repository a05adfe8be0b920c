// The invariants, as tables. Internal to verify/.
#pragma once

#include <span>
#include <string_view>

#include "storage/database.hpp"

namespace bursar::verify {

// An invariant that one query can ask: each row it answers is a breach. Column 0 is the object (a number, or text when
// `prefix` is empty), column 1 a sentence.
struct QueryCheck {
  const char* invariant;
  const char* promise;
  const char* prefix;  // of the object's outside id
  storage::Sql sql;
};
std::span<const QueryCheck> ledger_checks();
std::span<const QueryCheck> invoice_checks();
std::span<const QueryCheck> change_checks();
std::span<const QueryCheck> refund_checks();
std::span<const QueryCheck> hold_checks();
std::span<const QueryCheck> state_checks();

// A column that holds sealed text.
struct SecretColumn {
  const char* column;
  std::string_view prefix;  // of the row's outside id; empty: it has none
  storage::Sql sql;         // answers the row's part of its VaultPlace, the text, and the row's number or 0
};
std::span<const SecretColumn> secret_columns();

}  // namespace bursar::verify
