// The way back from Database::backup(). Not part of Database, since there is none yet that could be open.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bursar::storage {

// Puts a backup where `url` points. Refused when something is there already: SQLite, when the file exists; PostgreSQL,
// when the database holds tables. SQLite: the copy is checked page by page before it takes its name. PostgreSQL:
// pg_restore in one transaction. Afterwards run `bursar db verify`.
Status restore(const std::string& backup, std::string_view url);

}  // namespace bursar::storage
