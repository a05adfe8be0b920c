#include <cstdio>

#include "base/json_text.hpp"
#include "cli/support.hpp"
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
  auto db = open_store(*config, {.read_only = true});
  if (!db.ok()) return fail(db.error());
  const IdCodec codec(storage::load_id_key(**db));
  const auto report = verify::verify(**db, codec, [&](const verify::Breach& breach) {
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
