// Cron expressions of five fields with the meaning of Vixie cron, in a time zone:
//
//   minute 0-59   hour 0-23   day of month 1-31   month 1-12 or jan-dec   day of week 0-7 or sun-sat (0 and 7: Sunday)
//
// A field is a list of "*", "N", "N-M", each range also with a step ("*/15", "8-18/2"). Where both day fields are
// restricted (neither begins with "*"), a day that matches either of them matches.
//
// Local times and changes of offset: a time that a change skips runs at the first instant after the gap; one that a
// change repeats runs once, the first time. A civil day that a zone leaves out whole has no runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace bursar::scheduler {

struct Occurrence {
  Instant at;
  CivilDate date;  // the civil day that the expression named; differs from the day of `at` where a gap spans midnight
  bool operator==(const Occurrence&) const = default;
};

class CronExpression {
 public:
  // Errors name the field and the column. An expression that matches no day of any year is refused as well.
  static Result<CronExpression> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  // The first occurrence after `after`; nothing only near the end of the year 9999.
  [[nodiscard]] std::optional<Occurrence> next_after(const Zone& zone, Instant after) const;

 private:
  CronExpression() = default;
  [[nodiscard]] bool matches(CivilDate date) const;

  std::string text_;
  std::uint64_t minutes_ = 0;  // bit n: the value n
  std::uint64_t hours_ = 0;
  std::uint64_t days_ = 0;
  std::uint64_t months_ = 0;
  std::uint64_t weekdays_ = 0;
  bool any_day_ = false;  // the field begins with "*"
  bool any_weekday_ = false;
};

}  // namespace bursar::scheduler
