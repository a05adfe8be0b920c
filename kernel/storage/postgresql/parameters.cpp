#include "storage/postgresql/parameters.hpp"

#include <limits>

namespace bursar::storage::postgresql {
namespace {

// Of pg_type; fixed for ever by the protocol.
constexpr Oid int8_oid = 20;
constexpr Oid text_oid = 25;
constexpr Oid int8_array_oid = 1016;
constexpr Oid text_array_oid = 1009;

template <class Unsigned>
void put_big_endian(std::string& out, Unsigned value) {
  for (int shift = static_cast<int>(sizeof(Unsigned)) * 8 - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<unsigned char>(value >> shift));
  }
}
void put32(std::string& out, std::size_t value) { put_big_endian(out, static_cast<std::uint32_t>(value)); }
void put64(std::string& out, std::int64_t value) { put_big_endian(out, static_cast<std::uint64_t>(value)); }

void put_array_header(std::string& out, Oid element, std::size_t size, bool has_nulls) {
  if (size == 0) {
    put32(out, 0);  // dimensions
    put32(out, 0);
    put32(out, element);
    return;
  }
  put32(out, 1);
  put32(out, has_nulls ? 1 : 0);
  put32(out, element);
  put32(out, size);
  put32(out, 1);  // lower bound
}

std::string list_array(std::span<const std::int64_t> list) {
  std::string out;
  out.reserve(20 + list.size() * 12);
  put_array_header(out, int8_oid, list.size(), false);
  for (const auto value : list) {
    put32(out, 8);
    put64(out, value);
  }
  return out;
}

bool any_null(const Batch::Column& column) {
  for (const bool null : column.nulls) {
    if (null) return true;
  }
  return false;
}

std::string column_array(const Batch::Column& column) {
  const bool integers = column.type == Batch::integer;
  const std::size_t rows = column.nulls.size();
  std::string out;
  out.reserve(20 + rows * (integers ? 12 : 4) + column.arena.size());
  put_array_header(out, integers ? int8_oid : text_oid, rows, any_null(column));
  std::size_t begin = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t end = integers ? 0 : column.text_ends[row];
    if (column.nulls[row]) {
      put32(out, std::numeric_limits<std::uint32_t>::max());
    } else if (integers) {
      put32(out, 8);
      put64(out, column.integers[row]);
    } else {
      put32(out, end - begin);
      out.append(column.arena, begin, end - begin);
    }
    begin = end;
  }
  return out;
}

}  // namespace

Parameters::Parameters(std::span<const Param> params) {
  owned_.reserve(params.size());
  for (const auto& param : params) {
    if (const auto* integer = std::get_if<std::int64_t>(&param)) {
      std::string bytes;
      put64(bytes, *integer);
      add_owned(int8_oid, 1, std::move(bytes));
    } else if (const auto* text = std::get_if<std::string_view>(&param)) {
      add(text_oid, 2, text->data() != nullptr ? text->data() : "", text->size());
    } else if (const auto* list = std::get_if<std::span<const std::int64_t>>(&param)) {
      add_owned(int8_array_oid, 3, list_array(*list));
    } else {
      add(0, 0, nullptr, 0);
    }
  }
}

Parameters::Parameters(const Batch& batch) {
  owned_.reserve(batch.columns().size());
  for (const auto& column : batch.columns()) {
    add_owned(column.type == Batch::integer ? int8_array_oid : text_array_oid, 3, column_array(column));
  }
}

void Parameters::add(Oid type, std::uint64_t kind, const char* value, std::size_t length) {
  BURSAR_ASSERT(types_.size() < 64 && length <= std::numeric_limits<int>::max());
  signature_.kinds[types_.size() / 32] |= kind << (types_.size() % 32 * 2);
  types_.push_back(type);
  values_.push_back(value);
  lengths_.push_back(static_cast<int>(length));
  formats_.push_back(1);
}

void Parameters::add_owned(Oid type, std::uint64_t kind, std::string bytes) {
  owned_.push_back(std::move(bytes));
  add(type, kind, owned_.back().data(), owned_.back().size());
}

}  // namespace bursar::storage::postgresql
