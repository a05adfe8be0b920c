// The migrations that this binary carries (made by embed_migrations.cmake), and the machinery with the list handed in,
// so that tests can bring lists of their own.
#pragma once

#include <span>
#include <string_view>

#include "storage/migrate.hpp"

namespace bursar::storage {

struct Migration {
  int version;
  std::string_view name;  // "0001_installation"
  std::string_view sql;
};

std::span<const Migration> migrations();

Result<MigrationReport> migrate_with(Database& db, const Clock& clock, std::span<const Migration> migrations);
Result<MigrationReport> pending_of(Database& db, std::span<const Migration> migrations);

}  // namespace bursar::storage
