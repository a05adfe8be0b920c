// Numbers of legal documents: gap-free in each series, from 1, in the order of issue. Taken inside the transaction that
// writes the documents, so a rollback gives them back and two issuers wait for each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

// A configured format: text with "{year}" and "{seq}" or "{seq:06}" (zero-padded to a width).
class NumberFormat {
 public:
  explicit NumberFormat(std::string_view format);  // checked by settings; throws InvariantBroken without a {seq}
  // The format with the year and without the sequence: documents of one series count together.
  [[nodiscard]] std::string series(CivilDate issued_on) const;
  [[nodiscard]] std::string render(CivilDate issued_on, std::int64_t sequence) const;

 private:
  std::string before_;  // may hold "{year}"
  std::string after_;
  std::size_t width_ = 0;
};

struct Numbers {
  std::string series;
  std::int64_t first = 0;  // and the following ones, as many as were asked for
  CivilDate issued_on;     // what the documents are to be dated: as asked, or later when the series is further already
};
Numbers take_numbers(storage::Transaction& tx, const NumberFormat& format, std::int64_t count, CivilDate issued_on);

}  // namespace bursar::invoicing
