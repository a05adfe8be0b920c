// The store: one small interface over SQLite (embedded default) and PostgreSQL (15 or newer). The same SQL text runs on
// both; the few differences live in storage/dialect.hpp and nowhere else.
//
//   auto name = db.read([&](Connection& c) {
//     auto rows = c.query("SELECT name FROM accounts WHERE id = $1", id);
//     return rows.next() ? std::string(rows.text(0)) : std::string();
//   });
//   auto done = db.write("issue_invoice", [&](Transaction& tx) -> Result<InvoiceId> { ... });
//
// Column types are BIGINT (also for booleans, 0 or 1, and money in minor units) and TEXT (also for instants and civil
// dates, see base/time.hpp). There is no floating point and no blob in the schema.
//
// Threads. read() and write() may be called from any thread and block until done; the Connection or Transaction is
// valid inside the callable only, on that one thread. Never call a plugin, the network, read() or write() inside.
//
// SQLite: WAL, synchronous=FULL, one writer thread that takes queued write()s in order, each in a savepoint of a
// shared physical transaction (group commit: one sync for all that were waiting); write() returns only after that sync.
// Readers run beside it on connections of their own, each read() in one snapshot. PostgreSQL: a pool of connections;
// write() is SERIALIZABLE, read() is REPEATABLE READ READ ONLY.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace bursar::storage {

// A failure of the store itself (I/O, disk full, connection lost, a violated constraint nobody asked for). The
// transaction is rolled back. `transient` says that the same write may succeed later.
class StorageError : public std::runtime_error {
 public:
  StorageError(std::string what, bool transient) : std::runtime_error(std::move(what)), transient_(transient) {}
  [[nodiscard]] bool transient() const { return transient_; }

 private:
  bool transient_;
};
// A uniqueness constraint refused a row. Thrown by statements inside a transaction; on PostgreSQL the transaction is
// dead after it, so prefer "INSERT ... ON CONFLICT DO NOTHING" and look at the count.
class UniqueViolation : public StorageError {
 public:
  explicit UniqueViolation(std::string what) : StorageError(std::move(what), false) {}
};

// SQL text. Only from a string literal, so that no input can become SQL; its address is the key of the statement cache.
// Parameters are $1, $2, ... and may repeat. In the text, "{list:$1}" stands for the rows of an integer list parameter:
//   c.query("SELECT id FROM services WHERE id IN {list:$1}", std::span<const std::int64_t>(ids))
class Sql {
 public:
  consteval Sql(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)
  // For list queries put together from fixed pieces (filters, order). `text` is copied and interned; only
  // storage-free constants may go in, never input. The lint allows it in named files only.
  static Sql composed(const std::string& text);
  [[nodiscard]] const char* text() const { return text_; }

 private:
  struct Interned {};
  Sql(Interned, const char* text) : text_(text) {}
  const char* text_;
};

// A bound value. Text views and lists must outlive the call only.
using Param = std::variant<std::monostate, std::int64_t, std::string_view, std::span<const std::int64_t>>;

namespace detail {
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
// Turns an argument into a Param; owns the text of dates and instants for the call.
class Args {
 public:
  template <class... A>
  explicit Args(const A&... args) {
    texts_.reserve(sizeof...(A));
    params_.reserve(sizeof...(A));
    (add(args), ...);
  }
  [[nodiscard]] std::span<const Param> params() const { return params_; }

 private:
  template <class T>
  void add(const T& value) {
    if constexpr (is_optional<T>::value) {
      if (value)
        add(*value);
      else
        params_.emplace_back(std::monostate{});
    } else if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t> ||
                         std::same_as<T, std::monostate>) {
      params_.emplace_back(std::monostate{});
    } else if constexpr (std::is_enum_v<T>) {
      static_assert(!std::is_enum_v<T>, "store an enum by its text name");
    } else if constexpr (std::integral<T>) {
      params_.emplace_back(static_cast<std::int64_t>(value));
    } else if constexpr (requires {
                           { value.to_string() } -> std::same_as<std::string>;
                         } &&
                         (std::same_as<T, Instant> || std::same_as<T, CivilDate>)) {
      texts_.push_back(value.to_string());
      params_.emplace_back(std::string_view(texts_.back()));
    } else if constexpr (
        requires { T::prefix_is_id; } ||
        requires {
          value.value();
          requires std::same_as<decltype(value.value()), std::int64_t>;
        }) {
      params_.emplace_back(value.value());  // Id<Tag>; an empty id binds NULL
      if (value.value() == 0) params_.back() = std::monostate{};
    } else if constexpr (std::convertible_to<T, std::span<const std::int64_t>>) {
      params_.emplace_back(std::span<const std::int64_t>(value));
    } else {
      params_.emplace_back(std::string_view(value));
    }
  }
  std::vector<std::string> texts_;
  std::vector<Param> params_;
};
// What a backend gives behind Rows.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual bool next() = 0;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;   // NULL reads 0
  [[nodiscard]] virtual std::string_view text(int column) const = 0;  // NULL reads ""
};
}  // namespace detail

// The rows of one query, forward only; a text view lives until the next next(). Read them to the end or let go of them
// before the transaction ends.
class Rows {
 public:
  explicit Rows(std::unique_ptr<detail::RowSource> source) : source_(std::move(source)) {}
  bool next() { return source_->next(); }
  [[nodiscard]] bool is_null(int column) const { return source_->is_null(column); }
  [[nodiscard]] std::int64_t integer(int column) const { return source_->integer(column); }
  [[nodiscard]] bool boolean(int column) const { return integer(column) != 0; }
  [[nodiscard]] std::string_view text(int column) const { return source_->text(column); }
  [[nodiscard]] std::string string(int column) const { return std::string(text(column)); }
  [[nodiscard]] std::optional<std::string> optional_string(int column) const;
  [[nodiscard]] Instant instant(
      int column) const;  // a stored value that does not parse is corruption: throws StorageError
  [[nodiscard]] CivilDate date(int column) const;
  [[nodiscard]] std::optional<Instant> optional_instant(int column) const;
  [[nodiscard]] std::optional<CivilDate> optional_date(int column) const;
  template <class IdType>
  [[nodiscard]] IdType id(int column) const {
    return IdType(integer(column));
  }

 private:
  std::unique_ptr<detail::RowSource> source_;
};

// Rows to write in bulk, column by column. Columns are declared once; add() takes one value for each, in order
// (integers, text, dates, instants, ids, std::optional of those, nullptr).
//
//   Batch lines{{"id", Batch::integer}, {"service_id", Batch::integer}, {"description", Batch::text}};
//   lines.add(line_id, service_id, "VPS S, 1 to 31 January");
//   tx.insert_many("invoice_lines", lines);
class Batch {
 public:
  enum Type { integer, text };
  struct Column {
    const char* name;  // a literal
    Type type;
    // storage form: values in row order; text as offsets into one arena
    std::vector<std::int64_t> integers = {};
    std::vector<std::uint32_t> text_ends = {};
    std::vector<bool> nulls = {};
    std::string arena = {};
  };
  Batch(std::initializer_list<std::pair<const char*, Type>> columns);

  template <class... A>
  void add(const A&... values) {
    BURSAR_ASSERT(sizeof...(A) == columns_.size());
    std::size_t i = 0;
    (put(columns_[i++], values), ...);
    ++rows_;
  }
  [[nodiscard]] std::size_t size() const { return rows_; }
  [[nodiscard]] bool empty() const { return rows_ == 0; }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  void clear();  // keeps the memory

 private:
  template <class T>
  void put(Column& column, const T& value) {
    if constexpr (detail::is_optional<T>::value) {
      if (value)
        put(column, *value);
      else
        put_null(column);
    } else if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t>) {
      put_null(column);
    } else if constexpr (std::integral<T>) {
      put_integer(column, static_cast<std::int64_t>(value));
    } else if constexpr (std::same_as<T, Instant> || std::same_as<T, CivilDate>) {
      put_text(column, value.to_string());
    } else if constexpr (requires {
                           value.value();
                           requires std::same_as<decltype(value.value()), std::int64_t>;
                         }) {
      if (value.value() == 0)
        put_null(column);
      else
        put_integer(column, value.value());
    } else {
      put_text(column, std::string_view(value));
    }
  }
  static void put_null(Column& column);
  static void put_integer(Column& column, std::int64_t value);
  static void put_text(Column& column, std::string_view value);
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
};

// Reads. The rows come from one snapshot for the whole read().
class Connection {
 public:
  virtual ~Connection() = default;
  template <class... A>
  Rows query(Sql sql, const A&... args) {
    return run_query(sql, detail::Args(args...).params());
  }

 protected:
  virtual Rows run_query(Sql sql, std::span<const Param> params) = 0;
};

class Transaction : public Connection {
 public:
  // Answers how many rows were changed.
  template <class... A>
  std::int64_t execute(Sql sql, const A&... args) {
    return run_execute(sql, detail::Args(args...).params());
  }

  // Bulk writes, the only way for more than a handful of rows. SQLite: a prepared statement over the batch.
  // PostgreSQL: binary array parameters through unnest(), pipelined: errors may come as late as the next query or the
  // commit. `table` and column names are literals.
  virtual void insert_many(const char* table, const Batch& batch) = 0;
  // The same, but rows that a uniqueness constraint refuses are left out. Answers how many were new; PostgreSQL waits
  // for that.
  virtual std::int64_t insert_missing(const char* table, const Batch& batch) = 0;
  // Sets the remaining columns of the rows whose first `key_columns` columns match. Every row of the batch must match
  // exactly one stored row; if not, a StorageError ends the transaction.
  virtual void update_many(const char* table, std::size_t key_columns, const Batch& batch) = 0;

  // `count` consecutive fresh numbers, the first is answered. Unique in the whole database and for ever; gaps happen.
  virtual std::int64_t reserve_ids(std::int64_t count) = 0;
  template <class IdType>
  IdType new_id() {
    return IdType(reserve_ids(1));
  }

  // Runs after this transaction is durable, on the thread that called write(). For waking workers; never for work
  // that must not be lost.
  virtual void after_commit(std::function<void()> action) = 0;

  // Several statements without parameters. For migrations only.
  virtual void run_script(const std::string& sql) = 0;

 protected:
  virtual std::int64_t run_execute(Sql sql, std::span<const Param> params) = 0;
};

enum class Backend { sqlite, postgresql };

struct OpenOptions {
  bool create_if_missing = false;  // SQLite: a missing file is an error unless set (db migrate, demo)
  // No lock on a SQLite file, so that a server may be using it; write() throws StorageError (db verify, previews).
  bool read_only = false;
  bool prepared_statements = true;  // PostgreSQL: off behind a PgBouncer in transaction mode older than 1.21
  int readers = 8;                  // SQLite: read connections; PostgreSQL: pool size
};

class Database {
 public:
  // "sqlite:PATH" (relative to the working directory), "sqlite::memory:" is refused;
  // "postgresql://user:pass@host:port/db" or "postgresql:" followed by a libpq conninfo. Takes the file lock that keeps
  // a second process off a SQLite file.
  static Result<std::unique_ptr<Database>> open(std::string_view url, const OpenOptions& options = {});
  virtual ~Database() = default;
  [[nodiscard]] virtual Backend backend() const = 0;

  // F: (Connection&) -> T.
  template <class F>
  auto read(F&& f) -> std::invoke_result_t<F&, Connection&> {
    using T = std::invoke_result_t<F&, Connection&>;
    if constexpr (std::is_void_v<T>) {
      run_read([&](Connection& c) { f(c); });
    } else {
      std::optional<T> out;
      run_read([&](Connection& c) { out.emplace(f(c)); });
      return std::move(*out);
    }
  }

  // F: (Transaction&) -> Result<T>, T or void. A Result that holds an error rolls back and is answered; an exception
  // rolls back and is rethrown; anything else commits. F may run several times (serialization conflicts, and keys that
  // a rival took meanwhile, are retried with backoff), so it touches nothing but `tx` and its own result. `what` names
  // the transaction in logs and metrics.
  template <class F>
  auto write(const char* what, F&& f) -> std::invoke_result_t<F&, Transaction&> {
    using T = std::invoke_result_t<F&, Transaction&>;
    if constexpr (std::is_void_v<T>) {
      run_write(what, [&](Transaction& tx) {
        f(tx);
        return true;
      });
    } else {
      std::optional<T> out;
      run_write(what, [&](Transaction& tx) {
        out.emplace(f(tx));
        if constexpr (requires { out->ok(); })
          return out->ok();
        else
          return true;
      });
      return std::move(*out);
    }
  }

  // Runs work in a transaction whose changes are always thrown away, for previews. Blocks nobody: SQLite works on a
  // private temporary copy, PostgreSQL in a transaction that is rolled back. Numbers it reserves mean nothing outside;
  // they are above every one that is stored.
  virtual void simulate(const std::function<void(Transaction&)>& work) = 0;

  // Copies a consistent snapshot to `path` while the store is in use (SQLite: the backup API; PostgreSQL: pg_dump's
  // custom format).
  virtual Status backup(const std::string& path) = 0;
  // How many write()s of foreground threads (storage/foreground.hpp) have waited for one of another thread so far; it
  // only grows. Always 0 on PostgreSQL, where they go side by side.
  [[nodiscard]] virtual std::uint64_t foreground_waits() const { return 0; }
  // Cheap check that reads work now.
  virtual Status ping() = 0;

 protected:
  virtual void run_read(const std::function<void(Connection&)>& work) = 0;
  // The callable answers whether to commit.
  virtual void run_write(const char* what, const std::function<bool(Transaction&)>& work) = 0;
};

}  // namespace bursar::storage
