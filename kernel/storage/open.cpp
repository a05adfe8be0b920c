#include "storage/database.hpp"
// PG
#include "storage/sqlite/database.hpp"

namespace bursar::storage {

Result<std::unique_ptr<Database>> Database::open(std::string_view url, const OpenOptions& options) {
  constexpr std::string_view sqlite = "sqlite:";
  constexpr std::string_view postgresql = "postgresql:";
  if (url.substr(0, sqlite.size()) == sqlite) {
    const std::string path(url.substr(sqlite.size()));
    if (path.empty() || path.front() == ':' || path.substr(0, 5) == "file:") {
      return invalid("database_url_invalid", "a SQLite database is \"sqlite:\" and the path of a file");
    }
    return sqlite::SqliteDatabase::open(path, options);
  }
  if (url.substr(0, postgresql.size()) == postgresql) {
    const auto rest = url.substr(postgresql.size());
    const std::string conninfo(rest.substr(0, 2) == "//" ? url : rest);
    return invalid("database_backend_missing", conninfo);
  }
  // The text is not repeated: it may hold a password.
  return invalid("database_url_invalid",
                 "the database is given as sqlite:PATH or as postgresql://user:password@host:port/name");
}

}  // namespace bursar::storage
