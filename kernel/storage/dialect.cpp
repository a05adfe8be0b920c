#include "storage/dialect.hpp"

#include "base/assert.hpp"

namespace bursar::storage {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string parameter(Backend backend, std::size_t number) {
  return (backend == Backend::sqlite ? "?" : "$") + std::to_string(number);
}

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

// "{list:$1}" begins at `open`; answers the replacement and where the text goes on.
std::string render_token(Backend backend, std::string_view token) {
  const bool sqlite = backend == Backend::sqlite;
  constexpr std::string_view list = "list:$";
  if (token.substr(0, list.size()) == list) {
    const std::string number(token.substr(list.size()));
    return sqlite ? "(SELECT value FROM json_each(?" + number + "))" : "(SELECT unnest($" + number + "::bigint[]))";
  }
  BURSAR_ASSERT(token == "skip_locked");
  return sqlite ? "" : "FOR UPDATE SKIP LOCKED";
}

std::string unnest_of(const Batch& batch) {
  std::string out = "unnest(";
  for (std::size_t i = 0; i < batch.columns().size(); ++i) {
    if (i > 0) out += ", ";
    out += parameter(Backend::postgresql, i + 1);
    out += batch.columns()[i].type == Batch::integer ? "::bigint[]" : "::text[]";
  }
  return out + ")";
}

std::string column_list(const Batch& batch) {
  std::string out;
  for (const auto& column : batch.columns()) {
    if (!out.empty()) out += ", ";
    out += quoted(column.name);
  }
  return out;
}

}  // namespace

std::string render_sql(Backend backend, std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  bool in_quotes = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'') in_quotes = !in_quotes;
    if (in_quotes) {
      out += c;
    } else if (c == '$' && i + 1 < text.size() && is_digit(text[i + 1])) {
      out += backend == Backend::sqlite ? '?' : '$';
    } else if (c == '{') {
      const auto close = text.find('}', i);
      BURSAR_ASSERT(close != std::string_view::npos);
      out += render_token(backend, text.substr(i + 1, close - i - 1));
      i = close;
    } else {
      out += c;
    }
  }
  return out;
}

std::string render_migration(Backend backend, std::string_view text) {
  constexpr std::string_view id = "{id}";
  const std::string_view id_type = backend == Backend::sqlite ? "INTEGER PRIMARY KEY" : "BIGINT PRIMARY KEY";
  const std::string_view other = backend == Backend::sqlite ? "-- postgresql:" : "-- sqlite:";
  std::string out;
  bool skipping = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.substr(0, other.size()) == other) skipping = true;
    if (skipping) {
      if (line.substr(0, 6) == "-- end") skipping = false;
      continue;
    }
    for (auto at = line.find(id); at != std::string_view::npos; at = line.find(id)) {
      out += line.substr(0, at);
      out += id_type;
      line.remove_prefix(at + id.size());
    }
    out += line;
    out += '\n';
  }
  BURSAR_ASSERT(!skipping);
  return out;
}

std::string insert_many_sql(Backend backend, std::string_view table, const Batch& batch) {
  std::string out = "INSERT INTO " + quoted(table) + " (" + column_list(batch) + ") ";
  if (backend == Backend::postgresql) return out + "SELECT * FROM " + unnest_of(batch);
  out += "VALUES (";
  for (std::size_t i = 0; i < batch.columns().size(); ++i) out += (i > 0 ? ", " : "") + parameter(backend, i + 1);
  return out + ")";
}

std::string update_many_sql(Backend backend, std::string_view table, std::size_t key_columns, const Batch& batch) {
  BURSAR_ASSERT(key_columns > 0 && key_columns < batch.columns().size());
  const bool sqlite = backend == Backend::sqlite;
  std::string set;
  std::string where;
  for (std::size_t i = 0; i < batch.columns().size(); ++i) {
    const std::string name = quoted(batch.columns()[i].name);
    const std::string value = sqlite ? parameter(backend, i + 1) : "batch." + name;
    if (i < key_columns) {
      where += (where.empty() ? "" : " AND ") + (sqlite ? name : "stored." + name) + " = " + value;
    } else {
      set += (set.empty() ? "" : ", ") + name + " = " + value;
    }
  }
  if (sqlite) return "UPDATE " + quoted(table) + " SET " + set + " WHERE " + where;
  return "UPDATE " + quoted(table) + " AS stored SET " + set + " FROM " + unnest_of(batch) + " AS batch (" +
         column_list(batch) + ") WHERE " + where;
}

}  // namespace bursar::storage
