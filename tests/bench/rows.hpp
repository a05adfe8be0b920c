// The rows that a run of the product wrote, kept in memory so that a baseline can write the very same again.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace bursar::bench {

struct Cell {
  bool null = true;
  std::int64_t integer = 0;
  std::string text;
};

struct Column {
  std::string name;
  bool is_integer = false;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // in the order they were written
  std::vector<std::int64_t> owner;      // per row: which invoice (its index) it belongs to
};

// What one run wrote: inserts by table, and the services it moved on (as a table of id and new values).
struct Written {
  std::vector<Table> inserts;  // invoices first
  Table services;              // key first
  [[nodiscard]] std::size_t invoices() const { return inserts.front().rows.size(); }
};

// The tables a run of due services fills. `owner_sql` names, for a row of the table, the id of its invoice;
// `first_new` the column by which new rows are told from those that stood before.
struct Source {
  const char* table;
  const char* order;
  const char* key;
  const char* owner;  // SQL expression over the row
};
inline constexpr Source sources[] = {
    {"invoices", "id", "id", "id"},
    {"invoice_lines", "id", "id", "invoice_id"},
    {"journal_entries", "id", "id", "source_id"},
    {"postings", "entry_id, position", "entry_id",
     "(SELECT source_id FROM journal_entries e WHERE e.id = postings.entry_id)"},
};

// The time of the timed part, by the clock and of this process's processors.
struct Took {
  double seconds = 0;
  double cpu_seconds = 0;
};
class Stopwatch {
 public:
  [[nodiscard]] Took took() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started_;
    return {wall.count(), static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC};
  }

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

}  // namespace bursar::bench
