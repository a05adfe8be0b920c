// The rule that a zone file gives for all time after the last change of offset it lists (RFC 9636, section 3.3), such
// as "PST8PDT,M3.2.0,M11.1.0". Private to zone.cpp: the time zone library of Debian 12 does not read it, and would lose
// daylight saving after 2037.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bursar {

class ZoneRule {
 public:
  // Nothing for a form that the time zone database does not use (days of the year).
  static std::optional<ZoneRule> parse(std::string_view text);

  // Seconds east of UTC at a UTC second.
  [[nodiscard]] std::int64_t offset_at(std::int64_t utc) const;
  // The UTC second of a local one; skipped: the first after the gap; repeated: the first of the two.
  [[nodiscard]] std::int64_t utc_of(std::int64_t local) const;

 private:
  struct Change {  // the `week`-th `weekday` of `month` (week 5: the last), at `second` of local time
    unsigned month = 1;
    unsigned week = 1;
    unsigned weekday = 0;
    std::int64_t second = 7200;
  };
  static bool take_change(std::string_view& text, Change& change);
  static std::int64_t local_second(const Change& change, int year);

  std::int64_t standard_ = 0;
  std::int64_t saving_ = 0;  // the same as standard_ where there is none
  Change starts_;
  Change ends_;
};

}  // namespace bursar
