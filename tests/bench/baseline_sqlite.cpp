// The limit of the daily run on SQLite: a bare loop of prepared statements that writes the rows a run of the product
// wrote, with the same indexes and durability, committing every 1,000 invoices. Nothing is read or computed in the
// timed part.
//
//   bench-baseline-sqlite BEFORE.db AFTER.db WORK.db
//
// BEFORE is the store as the run found it, AFTER as the run left it, WORK a fresh copy of BEFORE. Prints the seconds.
#include <sqlite3.h>

#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>

#include "bench/rows.hpp"

namespace bursar::bench {
namespace {

void check(int code, sqlite3* db) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(db));
}

class Statement {
 public:
  Statement(sqlite3* db, const std::string& sql) : db_(db) {
    check(sqlite3_prepare_v3(db, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr), db);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  bool step() {
    const int code = sqlite3_step(statement_);
    check(code, db_);
    return code == SQLITE_ROW;
  }
  void run(const std::vector<Cell>& row, const std::vector<Column>& columns) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const int at = static_cast<int>(i) + 1;
      if (row[i].null)
        sqlite3_bind_null(statement_, at);
      else if (columns[i].is_integer)
        sqlite3_bind_int64(statement_, at, row[i].integer);
      else
        sqlite3_bind_text(statement_, at, row[i].text.data(), static_cast<int>(row[i].text.size()), SQLITE_STATIC);
    }
    step();
    sqlite3_reset(statement_);
  }
  sqlite3_stmt* get() { return statement_; }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

std::int64_t scalar(sqlite3* db, const std::string& sql) {
  Statement statement(db, sql);
  return statement.step() ? sqlite3_column_int64(statement.get(), 0) : 0;
}

Cell cell(sqlite3_stmt* statement, int i, bool integer) {
  Cell out;
  out.null = sqlite3_column_type(statement, i) == SQLITE_NULL;
  if (out.null) return out;
  if (integer)
    out.integer = sqlite3_column_int64(statement, i);
  else
    out.text.assign(reinterpret_cast<const char*>(sqlite3_column_text(statement, i)),
                    static_cast<std::size_t>(sqlite3_column_bytes(statement, i)));
  return out;
}

std::vector<Column> columns_of(sqlite3* db, const std::string& table) {
  std::vector<Column> out;
  Statement statement(db, "SELECT name, type FROM pragma_table_info('" + table + "')");
  while (statement.step()) {
    const std::string type = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 1));
    out.push_back({reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0)), type != "TEXT"});
  }
  return out;
}

Written load(sqlite3* before, sqlite3* after) {
  Written out;
  std::map<std::int64_t, std::int64_t> index;  // invoice id -> its place
  for (const Source& source : sources) {
    Table table{.name = source.table, .columns = columns_of(after, source.table), .rows = {}, .owner = {}};
    const std::int64_t last =
        scalar(before, std::string("SELECT coalesce(max(") + source.key + "), 0) FROM " + source.table);
    Statement rows(after, std::string("SELECT *, ") + source.owner + " FROM " + source.table + " WHERE " + source.key +
                              " > " + std::to_string(last) + " ORDER BY " + source.order);
    const int width = static_cast<int>(table.columns.size());
    while (rows.step()) {
      std::vector<Cell> row;
      row.reserve(table.columns.size());
      for (int i = 0; i < width; ++i)
        row.push_back(cell(rows.get(), i, table.columns[static_cast<std::size_t>(i)].is_integer));
      const std::int64_t owner = sqlite3_column_int64(rows.get(), width);
      if (out.inserts.empty()) index.emplace(owner, static_cast<std::int64_t>(index.size()));
      table.owner.push_back(index.at(owner));
      table.rows.push_back(std::move(row));
    }
    out.inserts.push_back(std::move(table));
  }
  out.services = {.name = "services",
                  .columns = {{"next_due_on", false}, {"periods_invoiced", true}, {"version", true}, {"id", true}},
                  .rows = {},
                  .owner = {}};
  Statement services(after,
                     "SELECT s.next_due_on, s.periods_invoiced, s.version, s.id, l.invoice_id FROM invoice_lines l "
                     "JOIN services s ON s.id = l.service_id WHERE l.kind = 'recurring' AND l.id > " +
                         std::to_string(scalar(before, "SELECT coalesce(max(id), 0) FROM invoice_lines")) +
                         " ORDER BY l.id");
  while (services.step()) {
    std::vector<Cell> row;
    for (int i = 0; i < 4; ++i)
      row.push_back(cell(services.get(), i, out.services.columns[static_cast<std::size_t>(i)].is_integer));
    out.services.rows.push_back(std::move(row));
    out.services.owner.push_back(index.at(sqlite3_column_int64(services.get(), 4)));
  }
  return out;
}

std::string insert_sql(const Table& table) {
  std::string names, marks;
  for (const Column& column : table.columns) {
    names += (names.empty() ? "" : ", ") + column.name;
    marks += marks.empty() ? "?" : ", ?";
  }
  return "INSERT INTO " + table.name + " (" + names + ") VALUES (" + marks + ")";
}

Took write_all(sqlite3* db, const Written& written) {
  std::vector<std::unique_ptr<Statement>> inserts;
  std::vector<std::size_t> next(written.inserts.size(), 0);
  for (const Table& table : written.inserts) inserts.push_back(std::make_unique<Statement>(db, insert_sql(table)));
  Statement update(db, "UPDATE services SET next_due_on = ?, periods_invoiced = ?, version = ? WHERE id = ?");
  std::size_t next_service = 0;
  const Stopwatch watch;
  check(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), db);
  for (std::size_t invoice = 0; invoice < written.invoices(); ++invoice) {
    for (std::size_t t = 0; t < written.inserts.size(); ++t) {
      const Table& table = written.inserts[t];
      for (; next[t] < table.rows.size() && table.owner[next[t]] == static_cast<std::int64_t>(invoice); ++next[t]) {
        inserts[t]->run(table.rows[next[t]], table.columns);
      }
    }
    const Table& services = written.services;
    for (; next_service < services.rows.size() && services.owner[next_service] == static_cast<std::int64_t>(invoice);
         ++next_service) {
      update.run(services.rows[next_service], services.columns);
    }
    if (invoice % 1000 == 999) check(sqlite3_exec(db, "COMMIT; BEGIN IMMEDIATE", nullptr, nullptr, nullptr), db);
  }
  check(sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr), db);
  const Took took = watch.took();
  for (std::size_t t = 0; t < next.size(); ++t) {
    if (next[t] != written.inserts[t].rows.size())
      throw std::runtime_error("rows of " + written.inserts[t].name + " are not in invoice order");
  }
  if (next_service != written.services.rows.size()) throw std::runtime_error("services are not in invoice order");
  return took;
}

sqlite3* open(const char* path) {
  sqlite3* db = nullptr;
  check(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr), db);
  return db;
}

}  // namespace
}  // namespace bursar::bench

int main(int argc, char** argv) {
  using namespace bursar::bench;
  if (argc < 4) {
    std::fputs("usage: bench-baseline-sqlite BEFORE.db AFTER.db WORK.db\n", stderr);
    return 2;
  }
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);  // as the product
  sqlite3* before = open(argv[1]);
  sqlite3* after = open(argv[2]);
  const Written written = load(before, after);
  sqlite3* work = open(argv[3]);
  // The product's own settings (storage/sqlite), so that both loops pay for the same durability and have the same
  // cache.
  check(sqlite3_exec(work,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16384;"
                     "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-131072; PRAGMA temp_store=MEMORY;"
                     "PRAGMA foreign_keys=ON",
                     nullptr, nullptr, nullptr),
        work);
  const Took took = write_all(work, written);
  std::printf("{\"invoices\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", written.invoices(), took.seconds,
              took.cpu_seconds);
  return 0;
}
