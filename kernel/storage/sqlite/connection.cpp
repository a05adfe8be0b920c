#include "storage/sqlite/connection.hpp"

#include <charconv>
#include <cstring>

#include "storage/dialect.hpp"

namespace bursar::storage::sqlite {
namespace {

bool is_transient(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
      return true;
    default:
      return false;
  }
}

class SqliteRows final : public detail::RowSource {
 public:
  SqliteRows(SqliteConnection& connection, Lease lease) : connection_(connection), lease_(std::move(lease)) { step(); }

  bool next() override {
    if (ahead_) {
      ahead_ = false;
      return !ended_;
    }
    if (!ended_) step();
    ahead_ = false;
    return !ended_;
  }
  [[nodiscard]] bool is_null(int column) const override {
    return sqlite3_column_type(lease_.get(), checked(column)) == SQLITE_NULL;
  }
  [[nodiscard]] std::int64_t integer(int column) const override {
    return sqlite3_column_int64(lease_.get(), checked(column));
  }
  [[nodiscard]] std::string_view text(int column) const override {
    const auto* bytes = sqlite3_column_text(lease_.get(), checked(column));
    if (bytes == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(lease_.get(), column));
    return {reinterpret_cast<const char*>(bytes), size};
  }

 private:
  void step() {
    const int code = sqlite3_step(lease_.get());
    ahead_ = true;
    ended_ = code == SQLITE_DONE;
    if (code != SQLITE_ROW && code != SQLITE_DONE) throw_error(connection_.get(), code, sqlite3_sql(lease_.get()));
  }
  [[nodiscard]] int checked(int column) const {
    BURSAR_ASSERT(!ended_ && column >= 0 && column < sqlite3_data_count(lease_.get()));
    return column;
  }

  SqliteConnection& connection_;
  Lease lease_;
  bool ahead_ = false;  // the row under the statement has not been given out
  bool ended_ = false;
};

std::string json_list(std::span<const std::int64_t> list) {
  std::string out = "[";
  char digits[24];
  for (const auto value : list) {
    if (out.size() > 1) out += ',';
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  return out + "]";
}

}  // namespace

void throw_error(sqlite3* db, int code, std::string_view doing) {
  std::string what = "SQLite: ";
  what += db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  what += " (";
  what += doing;
  what += ")";
  const int extended = db != nullptr ? sqlite3_extended_errcode(db) : code;
  if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
      extended == SQLITE_CONSTRAINT_ROWID) {
    throw UniqueViolation(std::move(what));
  }
  throw StorageError(std::move(what), is_transient(code));
}

Lease::Lease(SqliteConnection& connection, sqlite3_stmt* statement, bool* busy)
    : connection_(&connection), statement_(statement), busy_(busy) {
  *busy_ = true;
  ++connection_->leases_;
}
Lease::Lease(Lease&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)), busy_(other.busy_) {}
Lease::~Lease() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  *busy_ = false;
  --connection_->leases_;
}

SqliteConnection::SqliteConnection(const std::string& path, Access access, int cache_kib) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= access == Access::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (access == Access::create) flags |= SQLITE_OPEN_CREATE;
  try {
    if (const int code = sqlite3_open_v2(path.c_str(), &db_, flags, nullptr); code != SQLITE_OK) {
      throw_error(db_, code, "opening " + path);
    }
    sqlite3_busy_timeout(db_, 5000);
    // No mmap: an I/O error there is a SIGBUS, here it is an error of one transaction.
    exec(("PRAGMA cache_size=-" + std::to_string(cache_kib) +
          "; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON")
             .c_str());
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

SqliteConnection::~SqliteConnection() {
  for (auto& [key, instances] : by_address_) {
    for (auto& prepared : instances) sqlite3_finalize(prepared->statement);
  }
  for (auto& [key, instances] : by_text_) {
    for (auto& prepared : instances) sqlite3_finalize(prepared->statement);
  }
  sqlite3_close(db_);
}

void SqliteConnection::exec(const char* sql) {
  if (const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); code != SQLITE_OK) {
    throw_error(db_, code, std::string_view(sql).substr(0, 200));
  }
}

Lease SqliteConnection::prepare(Sql sql) { return take(by_address_[sql.text()], nullptr, sql.text()); }
Lease SqliteConnection::prepare_bulk(const std::string& sql) { return take(by_text_[sql], &sql, nullptr); }

Lease SqliteConnection::take(Instances& instances, const std::string* text, const char* source) {
  for (auto& prepared : instances) {
    if (!prepared->busy) return {*this, prepared->statement, &prepared->busy};
  }
  const std::string rendered = text != nullptr ? *text : render_sql(Backend::sqlite, source);
  auto prepared = std::make_unique<Prepared>();
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(db_, rendered.data(), static_cast<int>(rendered.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared->statement, &rest);
  if (code != SQLITE_OK) throw_error(db_, code, rendered);
  BURSAR_ASSERT(prepared->statement != nullptr && rest == rendered.data() + rendered.size());
  instances.push_back(std::move(prepared));
  return {*this, instances.back()->statement, &instances.back()->busy};
}

void bind_text(SqliteConnection& connection, sqlite3_stmt* statement, int index, std::string_view text,
               Lifetime lifetime) {
  // PostgreSQL cannot store it, so neither do we: one rule for both.
  if (!text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr) {
    throw StorageError("text holds a NUL character", false);
  }
  const char* data = text.data() != nullptr ? text.data() : "";
  const int code = sqlite3_bind_text(statement, index, data, static_cast<int>(text.size()),
                                     lifetime == Lifetime::copied ? SQLITE_TRANSIENT : SQLITE_STATIC);
  if (code != SQLITE_OK) throw_error(connection.get(), code, "binding a parameter");
}

void bind(SqliteConnection& connection, sqlite3_stmt* statement, std::span<const Param> params, Lifetime lifetime) {
  BURSAR_ASSERT(static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) == params.size());
  int index = 0;
  for (const auto& param : params) {
    ++index;
    if (const auto* integer = std::get_if<std::int64_t>(&param)) {
      sqlite3_bind_int64(statement, index, *integer);
    } else if (const auto* text = std::get_if<std::string_view>(&param)) {
      bind_text(connection, statement, index, *text, lifetime);
    } else if (const auto* list = std::get_if<std::span<const std::int64_t>>(&param)) {
      bind_text(connection, statement, index, json_list(*list), Lifetime::copied);
    } else {
      sqlite3_bind_null(statement, index);
    }
  }
}

Rows run_query(SqliteConnection& connection, Sql sql, std::span<const Param> params) {
  auto lease = connection.prepare(sql);
  bind(connection, lease.get(), params, Lifetime::copied);
  return Rows(std::make_unique<SqliteRows>(connection, std::move(lease)));
}

std::int64_t run_statement(SqliteConnection& connection, Sql sql, std::span<const Param> params) {
  const auto lease = connection.prepare(sql);
  bind(connection, lease.get(), params, Lifetime::borrowed);
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(lease.get());
  if (code != SQLITE_DONE) throw_error(connection.get(), code, sqlite3_sql(lease.get()));
  return sqlite3_stmt_readonly(lease.get()) != 0 ? 0 : sqlite3_changes64(connection.get());
}

}  // namespace bursar::storage::sqlite
