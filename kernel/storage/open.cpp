#include "storage/database.hpp"
#include "storage/postgresql/database.hpp"
#include "storage/sqlite/database.hpp"

namespace bursar::storage {

Result<std::unique_ptr<Database>> Database::open(std::string_view url, const OpenOptions& options) {
  constexpr std::string_view sqlite_scheme = "sqlite:";
  constexpr std::string_view postgresql_scheme = "postgresql:";
  if (url.substr(0, sqlite_scheme.size()) == sqlite_scheme) {
    const std::string path(url.substr(sqlite_scheme.size()));
    if (path.empty() || path.front() == ':' || path.substr(0, 5) == "file:") {
      return invalid("database_url_invalid", "a SQLite database is \"sqlite:\" and the path of a file");
    }
    return sqlite::SqliteDatabase::open(path, options);
  }
  if (url.substr(0, postgresql_scheme.size()) == postgresql_scheme) {
    const auto rest = url.substr(postgresql_scheme.size());
    const std::string conninfo(rest.substr(0, 2) == "//" ? url : rest);
    return postgresql::PostgresqlDatabase::open(conninfo, options);
  }
  // The text is not repeated: it may hold a password.
  return invalid("database_url_invalid",
                 "the database is given as sqlite:PATH or as postgresql://user:password@host:port/name");
}

}  // namespace bursar::storage
