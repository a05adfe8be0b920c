#include <cstdio>

#include "base/json_text.hpp"
#include "base/vault.hpp"
#include "cli/support.hpp"
#include "storage/encryption.hpp"
#include "storage/installation.hpp"
#include "storage/migrate.hpp"
#include "storage/restore.hpp"
#include "verify/verify.hpp"

namespace bursar::cli {

int db_migrate(const Common& common, bool dry_run) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  auto db = storage::Database::open(config->database.url.reveal(), {.create_if_missing = !dry_run});
  if (!db.ok()) return fail(db.error());
  const SystemClock clock;
  const auto report = dry_run ? storage::pending_migrations(**db) : storage::migrate(**db, clock);
  if (!report.ok()) return fail(report.error());
  for (const std::string& name : report->applied)
    std::printf("%s %s\n", dry_run ? "would apply" : "applied", name.c_str());
  std::printf("schema version %d\n", report->to_version);
  return done;
}

int db_verify(const Common& common) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  const auto store = open_to_read(*config);
  if (!store.ok()) return fail(store.error());
  const IdCodec codec(storage::load_id_key(*store->db));
  const auto report = verify::verify(*store->db, codec, store->vault, [&](const verify::Breach& breach) {
    if (common.json) {
      std::printf("{\"invariant\": %s, \"object\": %s, \"detail\": %s}\n", json_string(breach.invariant).c_str(),
                  json_string(breach.object).c_str(), json_string(breach.detail).c_str());
    } else {
      std::printf("BREACH %s: %s: %s\n", breach.invariant.c_str(), breach.object.c_str(), breach.detail.c_str());
    }
  });
  if (!common.json) {
    std::printf("%zu invariants walked, %lld breaches%s\n", report.checked.size(),
                static_cast<long long>(report.breaches()), report.clean() ? ": clean" : "");
  }
  return report.clean() ? done : failed;
}

int db_new_key(bool json) {
  const Secret key = EncryptionKey::make();
  const std::string text(key.reveal());
  std::printf(json ? "{\"key\": \"%s\"}\n" : "%s\n", text.c_str());
  return done;
}

int db_reencrypt(const Common& common) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  auto db = open_store(*config);
  if (!db.ok()) return fail(db.error());
  const auto vault =
      storage::open_vault(**db, config->database.encryption_keys, SystemClock(), storage::VaultUse::write);
  if (!vault.ok()) return fail(vault.error());
  const auto report = storage::reencrypt(**db, *vault);
  if (!report.ok()) return fail(report.error());
  if (common.json) {
    std::string columns, retired;
    for (const auto& [column, count] : report->columns)
      columns += (columns.empty() ? "" : ", ") + json_string(column) + ": " + std::to_string(count);
    for (const std::string& id : report->retired) retired += (retired.empty() ? "" : ", ") + json_string(id);
    std::printf("{\"encrypted\": {%s}, \"retired_keys\": [%s]}\n", columns.c_str(), retired.c_str());
    return done;
  }
  for (const auto& [column, count] : report->columns)
    std::printf("%-24s %lld encrypted\n", column.c_str(), static_cast<long long>(count));
  std::printf("every value is under the key %s\n", vault->keys().front().id().c_str());
  for (const std::string& id : report->retired) std::printf("the key %s is needed no more by this store\n", id.c_str());
  return done;
}

int db_backup(const Common& common, const std::string& file) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  auto db = open_store(*config, {.read_only = true});
  if (!db.ok()) return fail(db.error());
  if (const auto copied = (*db)->backup(file); !copied.ok()) return fail(copied.error());
  std::printf("backed up to %s\n", file.c_str());
  return done;
}

int db_restore(const Common& common, const std::string& file) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  if (const auto restored = storage::restore(file, config->database.url.reveal()); !restored.ok())
    return fail(restored.error());
  std::printf("restored from %s\n", file.c_str());
  return db_verify(common);
}

}  // namespace bursar::cli
