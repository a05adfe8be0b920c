// Parameters in PostgreSQL's binary format: integers as int8, text as text, lists and batch columns as arrays.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <compare>
#include <span>
#include <string>
#include <vector>

#include "storage/database.hpp"

namespace bursar::storage::postgresql {

// The kinds of a statement's parameters. A statement is prepared once for each combination it is used with, since a
// NULL leaves its type to PostgreSQL and the others name theirs.
struct Signature {
  std::array<std::uint64_t, 2> kinds{};
  auto operator<=>(const Signature&) const = default;
};

class Parameters {
 public:
  explicit Parameters(std::span<const Param> params);
  explicit Parameters(const Batch& batch);
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(types_.size()); }
  [[nodiscard]] const Oid* types() const { return types_.data(); }
  [[nodiscard]] const char* const* values() const { return values_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }
  [[nodiscard]] const Signature& signature() const { return signature_; }

 private:
  void add(Oid type, std::uint64_t kind, const char* value, std::size_t length);
  void add_owned(Oid type, std::uint64_t kind, std::string bytes);

  std::vector<std::string> owned_;
  std::vector<Oid> types_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  Signature signature_;
};

}  // namespace bursar::storage::postgresql
