// One sqlite3 connection with its statement cache. Used by one thread at a time.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/database.hpp"

namespace bursar::storage::sqlite {

enum class Access { read, write, create };

[[noreturn]] void throw_error(sqlite3* db, int code, std::string_view doing);

class SqliteConnection;

// A statement taken out of the cache; reset and given back on destruction.
class Lease {
 public:
  Lease(SqliteConnection& connection, sqlite3_stmt* statement, bool* busy);
  Lease(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(Lease&&) = delete;
  ~Lease();
  [[nodiscard]] sqlite3_stmt* get() const { return statement_; }

 private:
  SqliteConnection* connection_;
  sqlite3_stmt* statement_;
  bool* busy_;
};

class SqliteConnection {
 public:
  SqliteConnection(const std::string& path, Access access, int cache_kib);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  [[nodiscard]] sqlite3* get() const { return db_; }
  void exec(const char* sql);  // no rows wanted; any number of statements
  // By address, as Sql promises: one instance more for each that is still being read.
  Lease prepare(Sql sql);
  // Bulk statements, by their text.
  Lease prepare_bulk(const std::string& sql);
  [[nodiscard]] int leases() const { return leases_; }

 private:
  friend class Lease;
  struct Prepared {
    sqlite3_stmt* statement = nullptr;
    bool busy = false;
  };
  using Instances = std::vector<std::unique_ptr<Prepared>>;
  Lease take(Instances& instances, const std::string* text, const char* source);

  sqlite3* db_ = nullptr;
  std::unordered_map<const char*, Instances> by_address_;
  std::unordered_map<std::string, Instances> by_text_;
  int leases_ = 0;
};

// Binds all parameters. `copied`: the values may die before the statement has been read to its end.
enum class Lifetime { copied, borrowed };
void bind(SqliteConnection& connection, sqlite3_stmt* statement, std::span<const Param> params, Lifetime lifetime);
void bind_text(SqliteConnection& connection, sqlite3_stmt* statement, int index, std::string_view text,
               Lifetime lifetime);

// Runs a query up to its first row, so that an error or a write inside it happens now and not when somebody reads.
Rows run_query(SqliteConnection& connection, Sql sql, std::span<const Param> params);
// Answers sqlite3_changes().
std::int64_t run_statement(SqliteConnection& connection, Sql sql, std::span<const Param> params);

}  // namespace bursar::storage::sqlite
