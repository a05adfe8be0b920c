// Schema versions. Migrations are the files kernel/storage/migrations/NNNN_name.sql, compiled into the binary, applied
// in order, each in one transaction together with its row in schema_migrations (version, name, SHA-256 of the text,
// instant).
//
// In the SQL, "{id}" is the type of a primary key that the product numbers itself, and a block between the lines
// "-- sqlite:" or "-- postgresql:" and "-- end" is for that backend alone.
#pragma once

#include <string>
#include <vector>

#include "storage/database.hpp"

namespace bursar::storage {

struct MigrationReport {
  int from_version = 0;
  int to_version = 0;
  std::vector<std::string> applied;  // names, in order
};

// Brings the schema to this binary's version. Refused: a schema newer than the binary, an applied migration whose
// checksum differs. Safe to run from several processes at once. A killed run leaves whole migrations only.
Result<MigrationReport> migrate(Database& db, const Clock& clock);
// What migrate() would do; changes nothing.
Result<MigrationReport> pending_migrations(Database& db);
// Ok when the schema is exactly this binary's; else the reason and the cure ("run: bursar db migrate --config FILE").
Status check_schema(Database& db);
int newest_version();

}  // namespace bursar::storage
