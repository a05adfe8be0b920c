#include "storage/restore.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "storage/postgresql/dump.hpp"
#include "storage/sqlite/database.hpp"

namespace bursar::storage {
namespace {

Error refused(const std::string& detail) {
  return {
      .kind = ErrorKind::conflict, .code = "restore_refused", .detail = detail, .cure = "", .retry = Retry::after_fix};
}

// A rename is durable only when its folder is.
void sync_folder(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return;
  ::fsync(handle);
  ::close(handle);
}

Status check_pages(sqlite::SqliteConnection& connection) {
  const auto check = connection.prepare("PRAGMA integrity_check(1)");
  const bool row = sqlite3_step(check.get()) == SQLITE_ROW;
  const std::string answer = row ? reinterpret_cast<const char*>(sqlite3_column_text(check.get(), 0)) : "no answer";
  if (answer != "ok") return refused("the backup is damaged: " + answer);
  return {};
}

Status restore_sqlite(const std::string& backup, const std::string& path) {
  if (std::filesystem::exists(path)) return refused("the database file " + path + " exists already");
  if (!std::filesystem::exists(backup)) return refused("the backup " + backup + " does not exist");
  BURSAR_TRY(lock, sqlite::FileLock::take(path));
  const std::string part = path + ".part";
  std::filesystem::remove(part);
  {
    sqlite::SqliteConnection source(backup, sqlite::Access::read, 8192);
    sqlite::SqliteConnection target(part, sqlite::Access::create, 8192);
    target.exec("PRAGMA synchronous=FULL");
    sqlite::copy_database(source, target);
    BURSAR_CHECK(check_pages(target));
  }
  // A log of another database's must never be replayed into this one.
  std::filesystem::remove(path + "-wal");
  std::filesystem::remove(path + "-shm");
  std::filesystem::rename(part, path);
  sync_folder(path);
  return {};
}

Status restore_postgresql(const std::string& backup, std::string_view url, const std::string& conninfo) {
  BURSAR_TRY(database, Database::open(url));
  const bool empty = database->read([](Connection& connection) {
    auto rows = connection.query("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()");
    return rows.next() && rows.integer(0) == 0;
  });
  if (!empty) return refused("the PostgreSQL database holds tables already");
  return postgresql::run_program(
      "pg_restore", {"--single-transaction", "--exit-on-error", "--no-owner", "--no-password", "--dbname=", backup},
      conninfo);
}

}  // namespace

Status restore(const std::string& backup, std::string_view url) {
  constexpr std::string_view sqlite_scheme = "sqlite:";
  constexpr std::string_view postgresql_scheme = "postgresql:";
  try {
    if (url.substr(0, sqlite_scheme.size()) == sqlite_scheme)
      return restore_sqlite(backup, std::string(url.substr(sqlite_scheme.size())));
    if (url.substr(0, postgresql_scheme.size()) == postgresql_scheme) {
      const auto rest = url.substr(postgresql_scheme.size());
      return restore_postgresql(backup, url, std::string(rest.substr(0, 2) == "//" ? url : rest));
    }
    return invalid("database_url_invalid", "the database url begins with sqlite: or postgresql:");
  } catch (const StorageError& error) {
    return refused(error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return refused(error.what());
  }
}

}  // namespace bursar::storage
