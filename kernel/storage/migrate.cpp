#include "storage/migrate.hpp"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <map>

#include "base/log.hpp"
#include "storage/dialect.hpp"
#include "storage/migrations.hpp"

namespace bursar::storage {
namespace {

std::string hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string checksum(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return hex(digest);
}

struct Applied {
  std::string name;
  std::string checksum;
};
using AppliedByVersion = std::map<std::int64_t, Applied>;

AppliedByVersion read_applied(Connection& connection) {
  AppliedByVersion out;
  auto rows = connection.query("SELECT version, name, checksum FROM schema_migrations");
  while (rows.next()) out[rows.integer(0)] = {rows.string(1), rows.string(2)};
  return out;
}

// An empty database has no table yet.
AppliedByVersion read_applied_if_any(Database& db) {
  const bool present = db.read([&](Connection& connection) {
    const Sql sql = db.backend() == Backend::sqlite
                        ? Sql("SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'")
                        : Sql("SELECT count(*) FROM pg_tables WHERE tablename = 'schema_migrations' "
                              "AND schemaname = current_schema()");
    auto rows = connection.query(sql);
    return rows.next() && rows.integer(0) > 0;
  });
  if (!present) return {};
  return db.read([](Connection& connection) { return read_applied(connection); });
}

Status check_applied(const AppliedByVersion& applied, std::span<const Migration> migrations) {
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  if (!applied.empty() && applied.rbegin()->first > newest) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "schema_too_new",
                 .detail = "the database has schema version " + std::to_string(applied.rbegin()->first) +
                           ", this binary knows versions up to " + std::to_string(newest),
                 .cure = "run the newer bursar, or restore the backup from before its migration"};
  }
  for (const auto& migration : migrations) {
    const auto found = applied.find(migration.version);
    if (found == applied.end() || found->second.checksum == checksum(migration.sql)) continue;
    return Error{.kind = ErrorKind::conflict,
                 .code = "migration_changed",
                 .detail = "the migration " + std::string(migration.name) +
                           " differs from the one this database was migrated with (" + found->second.name + ")",
                 .cure = "run the bursar release this database belongs to"};
  }
  return {};
}

void create_table(Database& db) {
  db.write("create_schema_migrations", [&](Transaction& tx) {
    // PostgreSQL's IF NOT EXISTS looks before it locks: of two processes that create at the same moment one is refused
    // by the catalogue, with a code that depends on how far the other has come. The number is any that nobody else
    // uses.
    if (db.backend() == Backend::postgresql) tx.run_script("SELECT pg_advisory_xact_lock(4713520180276)");
    tx.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, "
        "checksum TEXT NOT NULL, applied_at TEXT NOT NULL)");
  });
}

void add_installation(Transaction& tx, Instant now) {
  std::array<unsigned char, 16> key{};
  if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) throw StorageError("no random bytes", true);
  tx.execute("INSERT INTO installation (id, id_key, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
             hex(key), now);
}

// Answers whether it was applied now (another process may have done it since).
Result<bool> apply(Database& db, const Migration& migration, std::span<const Migration> all, Instant now) {
  return db.write("migrate", [&](Transaction& tx) -> Result<bool> {
    // Before the first read, so that the snapshot is taken after the other process is done.
    if (db.backend() == Backend::postgresql) tx.run_script("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE");
    const auto applied = read_applied(tx);
    BURSAR_CHECK(check_applied(applied, all));
    if (applied.contains(migration.version)) return false;
    tx.run_script(render_migration(db.backend(), migration.sql));
    tx.execute("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
               migration.version, migration.name, checksum(migration.sql), now);
    if (migration.name == "0001_installation") add_installation(tx, now);
    return true;
  });
}

int version_of(const AppliedByVersion& applied) {
  return applied.empty() ? 0 : static_cast<int>(applied.rbegin()->first);
}

}  // namespace

Result<MigrationReport> pending_of(Database& db, std::span<const Migration> migrations) {
  const auto applied = read_applied_if_any(db);
  BURSAR_CHECK(check_applied(applied, migrations));
  MigrationReport report{.from_version = version_of(applied), .to_version = version_of(applied), .applied = {}};
  for (const auto& migration : migrations) {
    if (applied.contains(migration.version)) continue;
    report.applied.emplace_back(migration.name);
    report.to_version = migration.version;
  }
  return report;
}

Result<MigrationReport> migrate_with(Database& db, const Clock& clock, std::span<const Migration> migrations) {
  BURSAR_TRY(pending, pending_of(db, migrations));
  MigrationReport report{.from_version = pending.from_version, .to_version = pending.to_version, .applied = {}};
  if (pending.applied.empty()) return report;
  create_table(db);
  for (const auto& migration : migrations) {
    BURSAR_TRY(applied, apply(db, migration, migrations, clock.now()));
    if (!applied) continue;
    log::info("migration_applied", {{"name", migration.name}});
    report.applied.emplace_back(migration.name);
  }
  return report;
}

Result<MigrationReport> migrate(Database& db, const Clock& clock) { return migrate_with(db, clock, migrations()); }
Result<MigrationReport> pending_migrations(Database& db) { return pending_of(db, migrations()); }

Status check_schema(Database& db) {
  BURSAR_TRY(pending, pending_of(db, migrations()));
  if (pending.applied.empty()) return {};
  return Error{.kind = ErrorKind::conflict,
               .code = "schema_too_old",
               .detail = "the database has schema version " + std::to_string(pending.from_version) +
                         ", this binary needs " + std::to_string(newest_version()),
               .cure = "run: bursar db migrate --config FILE"};
}

int newest_version() { return migrations().back().version; }

}  // namespace bursar::storage
