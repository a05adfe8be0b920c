#include "invoicing/numbering.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "storage/installation.hpp"

namespace bursar::invoicing {
namespace {

std::string with_year(std::string text, CivilDate date) {
  constexpr std::string_view token = "{year}";
  const std::string year = std::to_string(date.year());
  for (auto at = text.find(token); at != std::string::npos; at = text.find(token, at + year.size())) {
    text.replace(at, token.size(), year);
  }
  return text;
}

}  // namespace

NumberFormat::NumberFormat(std::string_view format) {
  constexpr std::string_view token = "{seq";
  const auto open = format.find(token);
  BURSAR_ASSERT(open != std::string_view::npos);
  const auto close = format.find('}', open);
  BURSAR_ASSERT(close != std::string_view::npos);
  before_ = format.substr(0, open);
  after_ = format.substr(close + 1);
  for (const char c : format.substr(open + token.size(), close - open - token.size())) {
    if (c == ':') continue;
    BURSAR_ASSERT(c >= '0' && c <= '9');
    width_ = width_ * 10 + static_cast<std::size_t>(c - '0');
  }
}

std::string NumberFormat::series(CivilDate issued_on) const { return with_year(before_ + after_, issued_on); }

std::string NumberFormat::render(CivilDate issued_on, std::int64_t sequence) const {
  std::string digits = std::to_string(sequence);
  if (digits.size() < width_) digits.insert(0, width_ - digits.size(), '0');
  return with_year(before_, issued_on) + digits + with_year(after_, issued_on);
}

Numbers take_numbers(storage::Transaction& tx, const NumberFormat& format, std::int64_t count, CivilDate issued_on) {
  Numbers numbers{.series = format.series(issued_on), .first = 0, .issued_on = issued_on};
  numbers.first = storage::reserve_numbers(tx, numbers.series, count);
  {
    auto rows = tx.query("SELECT last_on FROM number_series WHERE series = $1", numbers.series);
    BURSAR_ASSERT(rows.next());
    if (const auto last_on = rows.text(0); !last_on.empty()) numbers.issued_on = std::max(issued_on, rows.date(0));
  }
  tx.execute("UPDATE number_series SET last_on = $2 WHERE series = $1", numbers.series, numbers.issued_on);
  return numbers;
}

}  // namespace bursar::invoicing
