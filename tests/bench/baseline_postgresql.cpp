// The limit of the daily run on PostgreSQL: the rows a run of the product wrote, written again with array parameters of
// 1,000 invoices (binary, one statement a table, one transaction a thousand). Nothing is computed in the timed part:
// the arrays are encoded before it.
//
//   bench-baseline-postgresql BEFORE_URL AFTER_URL WORK_URL
//
// BEFORE is the database as the run found it, AFTER as the run left it, WORK a fresh copy of BEFORE. Prints the
// seconds.
#include <arpa/inet.h>
#include <libpq-fe.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>

#include "bench/rows.hpp"

namespace bursar::bench {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
constexpr std::size_t chunk = 1000;

Result checked(PGconn* db, PGresult* raw) {
  Result result(raw, &PQclear);
  const ExecStatusType status = PQresultStatus(raw);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(db));
  return result;
}
Result run(PGconn* db, const std::string& sql) { return checked(db, PQexec(db, sql.c_str())); }

std::int64_t number(const char* text) { return std::strtoll(text, nullptr, 10); }

std::vector<Column> columns_of(PGconn* db, const std::string& table) {
  const Result rows = run(db, "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '" +
                                  table + "' ORDER BY ordinal_position");
  std::vector<Column> out;
  for (int i = 0; i < PQntuples(rows.get()); ++i) {
    out.push_back({PQgetvalue(rows.get(), i, 0), std::strcmp(PQgetvalue(rows.get(), i, 1), "text") != 0});
  }
  return out;
}

void read_rows(PGconn* db, const std::string& sql, Table& table, std::map<std::int64_t, std::int64_t>& index,
               bool first) {
  const Result rows = run(db, sql);
  const int width = static_cast<int>(table.columns.size());
  for (int r = 0; r < PQntuples(rows.get()); ++r) {
    std::vector<Cell> row(table.columns.size());
    for (int c = 0; c < width; ++c) {
      Cell& cell = row[static_cast<std::size_t>(c)];
      cell.null = PQgetisnull(rows.get(), r, c) == 1;
      if (cell.null) continue;
      if (table.columns[static_cast<std::size_t>(c)].is_integer)
        cell.integer = number(PQgetvalue(rows.get(), r, c));
      else
        cell.text = PQgetvalue(rows.get(), r, c);
    }
    const std::int64_t owner = number(PQgetvalue(rows.get(), r, width));
    if (first) index.emplace(owner, static_cast<std::int64_t>(index.size()));
    table.owner.push_back(index.at(owner));
    table.rows.push_back(std::move(row));
  }
}

Written load(PGconn* before, PGconn* after) {
  Written out;
  std::map<std::int64_t, std::int64_t> index;
  const auto last = [&](const std::string& table, const std::string& key) {
    return std::string(PQgetvalue(run(before, "SELECT coalesce(max(" + key + "), 0) FROM " + table).get(), 0, 0));
  };
  for (const Source& source : sources) {
    Table table{.name = source.table, .columns = columns_of(after, source.table), .rows = {}, .owner = {}};
    read_rows(after,
              std::string("SELECT *, ") + source.owner + " FROM " + source.table + " WHERE " + source.key + " > " +
                  last(source.table, source.key) + " ORDER BY " + source.order,
              table, index, out.inserts.empty());
    out.inserts.push_back(std::move(table));
  }
  out.services = {.name = "services",
                  .columns = {{"next_due_on", false}, {"periods_invoiced", true}, {"version", true}, {"id", true}},
                  .rows = {},
                  .owner = {}};
  read_rows(after,
            "SELECT s.next_due_on, s.periods_invoiced, s.version, s.id, l.invoice_id FROM invoice_lines l "
            "JOIN services s ON s.id = l.service_id WHERE l.kind = 'recurring' AND l.id > " +
                last("invoice_lines", "id") + " ORDER BY l.id",
            out.services, index, false);
  return out;
}

void put32(std::string& out, std::int32_t value) {
  const std::uint32_t net = htonl(static_cast<std::uint32_t>(value));
  out.append(reinterpret_cast<const char*>(&net), 4);
}

// A one-dimensional array in PostgreSQL's binary format.
std::string encode(const Table& table, std::size_t column, std::size_t from, std::size_t to) {
  const bool integer = table.columns[column].is_integer;
  std::string out;
  put32(out, 1);
  put32(out, 1);
  put32(out, integer ? 20 : 25);
  put32(out, static_cast<std::int32_t>(to - from));
  put32(out, 1);
  for (std::size_t r = from; r < to; ++r) {
    const Cell& cell = table.rows[r][column];
    if (cell.null) {
      put32(out, -1);
    } else if (integer) {
      put32(out, 8);
      put32(out, static_cast<std::int32_t>(cell.integer >> 32));
      put32(out, static_cast<std::int32_t>(cell.integer & 0xffffffff));
    } else {
      put32(out, static_cast<std::int32_t>(cell.text.size()));
      out += cell.text;
    }
  }
  return out;
}

struct Call {
  std::string name;
  std::vector<std::string> arrays;
};

std::string statement(const Table& table, bool update) {
  std::string names, arrays, sets;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    names += (i == 0 ? "" : ", ") + column.name;
    arrays += (i == 0 ? "$" : ", $") + std::to_string(i + 1) + (column.is_integer ? "::bigint[]" : "::text[]");
    if (column.name != "id") sets += (sets.empty() ? "" : ", ") + column.name + " = v." + column.name;
  }
  if (!update) return "INSERT INTO " + table.name + " (" + names + ") SELECT * FROM unnest(" + arrays + ")";
  return "UPDATE " + table.name + " t SET " + sets + " FROM unnest(" + arrays + ") AS v (" + names +
         ") WHERE t.id = v.id";
}

void send(PGconn* db, const Call& call) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  const std::vector<int> formats(call.arrays.size(), 1);
  for (const std::string& array : call.arrays) {
    values.push_back(array.data());
    lengths.push_back(static_cast<int>(array.size()));
  }
  checked(db, PQexecPrepared(db, call.name.c_str(), static_cast<int>(values.size()), values.data(), lengths.data(),
                             formats.data(), 0));
}

Took write_all(PGconn* db, const Written& written) {
  std::vector<const Table*> tables;
  for (const Table& table : written.inserts) tables.push_back(&table);
  tables.push_back(&written.services);
  for (const Table* table : tables)
    checked(db, PQprepare(db, table->name.c_str(), statement(*table, table->name == "services").c_str(), 0, nullptr));

  std::vector<std::vector<Call>> transactions;
  std::vector<std::size_t> next(tables.size(), 0);
  for (std::size_t first = 0; first < written.invoices(); first += chunk) {
    std::vector<Call> calls;
    for (std::size_t t = 0; t < tables.size(); ++t) {
      const std::size_t from = next[t];
      while (next[t] < tables[t]->rows.size() && tables[t]->owner[next[t]] < static_cast<std::int64_t>(first + chunk))
        ++next[t];
      Call call{.name = tables[t]->name, .arrays = {}};
      for (std::size_t c = 0; c < tables[t]->columns.size(); ++c)
        call.arrays.push_back(encode(*tables[t], c, from, next[t]));
      calls.push_back(std::move(call));
    }
    transactions.push_back(std::move(calls));
  }
  for (std::size_t t = 0; t < tables.size(); ++t) {
    if (next[t] != tables[t]->rows.size())
      throw std::runtime_error("rows of " + tables[t]->name + " are not in invoice order");
  }
  const Stopwatch watch;
  for (const auto& calls : transactions) {
    run(db, "BEGIN");
    for (const Call& call : calls) send(db, call);
    run(db, "COMMIT");
  }
  const Took took = watch.took();
  return took;
}

PGconn* open(const char* url) {
  PGconn* db = PQconnectdb(url);
  if (PQstatus(db) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(db));
  return db;
}

}  // namespace
}  // namespace bursar::bench

int main(int argc, char** argv) {
  using namespace bursar::bench;
  if (argc < 4) {
    std::fputs("usage: bench-baseline-postgresql BEFORE_URL AFTER_URL WORK_URL\n", stderr);
    return 2;
  }
  PGconn* before = open(argv[1]);
  PGconn* after = open(argv[2]);
  const Written written = load(before, after);
  PQfinish(before);
  PQfinish(after);
  PGconn* work = open(argv[3]);
  const Took took = write_all(work, written);
  std::printf("{\"invoices\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", written.invoices(), took.seconds,
              took.cpu_seconds);
  PQfinish(work);
  return 0;
}
