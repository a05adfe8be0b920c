// The parts of database.hpp that no backend is concerned with: composed SQL, typed row access and batches.
#include <limits>
#include <mutex>
#include <set>

#include "storage/database.hpp"

namespace bursar::storage {

Sql Sql::composed(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string> texts;  // never shrinks: the addresses are keys of the statement caches
  const std::lock_guard lock(mutex);
  return {Interned{}, texts.insert(text).first->c_str()};
}

namespace {

template <class T>
T parsed(std::string_view text) {
  auto value = T::parse(text);
  if (!value.ok()) {
    throw StorageError("stored value \"" + std::string(text) + "\" is not valid: " + value.error().detail, false);
  }
  return *value;
}

}  // namespace

std::optional<std::string> Rows::optional_string(int column) const {
  if (is_null(column)) return std::nullopt;
  return string(column);
}
Instant Rows::instant(int column) const { return parsed<Instant>(text(column)); }
CivilDate Rows::date(int column) const { return parsed<CivilDate>(text(column)); }
std::optional<Instant> Rows::optional_instant(int column) const {
  if (is_null(column)) return std::nullopt;
  return instant(column);
}
std::optional<CivilDate> Rows::optional_date(int column) const {
  if (is_null(column)) return std::nullopt;
  return date(column);
}

Batch::Batch(std::initializer_list<std::pair<const char*, Type>> columns) {
  columns_.reserve(columns.size());
  for (const auto& [name, type] : columns) columns_.push_back({.name = name, .type = type});
}

void Batch::clear() {
  for (auto& column : columns_) {
    column.integers.clear();
    column.text_ends.clear();
    column.nulls.clear();
    column.arena.clear();
  }
  rows_ = 0;
}

void Batch::put_null(Column& column) {
  column.nulls.push_back(true);
  if (column.type == integer) {
    column.integers.push_back(0);
  } else {
    column.text_ends.push_back(static_cast<std::uint32_t>(column.arena.size()));
  }
}

void Batch::put_integer(Column& column, std::int64_t value) {
  BURSAR_ASSERT(column.type == integer);
  column.nulls.push_back(false);
  column.integers.push_back(value);
}

void Batch::put_text(Column& column, std::string_view value) {
  BURSAR_ASSERT(column.type == text);
  column.arena += value;
  BURSAR_ASSERT(column.arena.size() <= std::numeric_limits<std::uint32_t>::max());
  column.nulls.push_back(false);
  column.text_ends.push_back(static_cast<std::uint32_t>(column.arena.size()));
}

}  // namespace bursar::storage
