#include "base/time.hpp"

#include <date/date.h>

#include <chrono>

namespace bursar {
namespace {

constexpr std::int64_t seconds_per_day = 86'400;
constexpr std::int64_t last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z

bool real_day(int year, unsigned month, unsigned day) {
  return year >= 1 && year <= 9999 && date::year_month_day(date::year(year), date::month(month), date::day(day)).ok();
}

// Writes `value` in exactly `width` digits.
void put_digits(char* at, unsigned value, int width) {
  for (int i = width - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// Reads exactly `width` digits from the front.
bool take_digits(std::string_view& text, int width, int& value) {
  if (text.size() < static_cast<std::size_t>(width)) return false;
  value = 0;
  for (int i = 0; i < width; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(static_cast<std::size_t>(width));
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text, int& year, int& month, int& day) {
  return take_digits(text, 4, year) && take(text, '-') && take_digits(text, 2, month) && take(text, '-') &&
         take_digits(text, 2, day);
}

Error bad_instant(std::string code, std::string detail) { return invalid(std::move(code), std::move(detail)); }

Error instant_shape() {
  return bad_instant(
      "bad_instant",
      "An instant is written as in RFC 3339, such as 2027-01-31T19:00:00Z or 2027-01-31T19:00:00-08:00.");
}

// "Z" or "+HH:MM"; answers whether it was well formed.
bool take_offset(std::string_view& text, std::int64_t& offset) {
  if (take(text, 'Z')) {
    offset = 0;
    return true;
  }
  const bool west = !text.empty() && text.front() == '-';
  int hour = 0;
  int minute = 0;
  if (!take(text, west ? '-' : '+') || !take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute))
    return false;
  if (hour > 23 || minute > 59) return false;
  offset = (west ? -1 : 1) * (hour * 3600 + minute * 60);
  return true;
}

}  // namespace

Result<Instant> Instant::parse(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_date(text, year, month, day) || !take(text, 'T') || !take_digits(text, 2, hour) || !take(text, ':') ||
      !take_digits(text, 2, minute) || !take(text, ':') || !take_digits(text, 2, second)) {
    return instant_shape();
  }
  if (!text.empty() && text.front() == '.')
    return bad_instant("instant_has_a_fraction", "An instant has whole seconds; leave out the fraction.");
  std::int64_t offset = 0;
  if (!take_offset(text, offset) || !text.empty()) return instant_shape();
  if (!real_day(year, static_cast<unsigned>(month), static_cast<unsigned>(day)))
    return bad_instant("no_such_day", "There is no such day in the calendar.");
  if (second == 60)
    return bad_instant("instant_is_a_leap_second", "Leap seconds cannot be named; use the second before.");
  if (hour > 23 || minute > 59 || second > 59)
    return bad_instant("no_such_time", "A time of day lies between 00:00:00 and 23:59:59.");
  const CivilDate date(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  const std::int64_t unix = date.days_since_1970() * seconds_per_day + hour * 3600 + minute * 60 + second - offset;
  if (unix < 0 || unix > last_second)
    return bad_instant("instant_out_of_range", "An instant lies between the years 1970 and 9999.");
  return Instant(unix);
}

std::string Instant::to_string() const {
  BURSAR_ASSERT(unix_seconds_ >= 0 && unix_seconds_ <= last_second);
  const CivilDate date = CivilDate::from_days(unix_seconds_ / seconds_per_day);
  const auto second = static_cast<unsigned>(unix_seconds_ % seconds_per_day);
  std::string out = "0000-00-00T00:00:00Z";
  put_digits(&out[0], static_cast<unsigned>(date.year()), 4);
  put_digits(&out[5], date.month(), 2);
  put_digits(&out[8], date.day(), 2);
  put_digits(&out[11], second / 3600, 2);
  put_digits(&out[14], second / 60 % 60, 2);
  put_digits(&out[17], second % 60, 2);
  return out;
}

CivilDate::CivilDate(int year, unsigned month, unsigned day)
    : year_(static_cast<std::int16_t>(year)),
      month_(static_cast<std::uint8_t>(month)),
      day_(static_cast<std::uint8_t>(day)) {
  BURSAR_ASSERT(real_day(year, month, day));
}

Result<CivilDate> CivilDate::parse(std::string_view text) {
  int year = 0, month = 0, day = 0;
  if (!take_date(text, year, month, day) || !text.empty())
    return invalid("bad_date", "A date is written YYYY-MM-DD, such as 2027-01-31.");
  if (!real_day(year, static_cast<unsigned>(month), static_cast<unsigned>(day)))
    return invalid("no_such_day", "There is no such day in the calendar.");
  return CivilDate(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
}

CivilDate CivilDate::from_days(std::int64_t days_since_1970) {
  BURSAR_ASSERT(days_since_1970 > -800'000 && days_since_1970 < 3'000'000);  // years 1 to 9999, with room
  const date::year_month_day day(date::sys_days(date::days(static_cast<int>(days_since_1970))));
  return {static_cast<int>(day.year()), static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day())};
}

std::int64_t CivilDate::days_since_1970() const {
  return date::sys_days(date::year(year_) / date::month(month_) / date::day(day_)).time_since_epoch().count();
}

std::string CivilDate::to_string() const {
  std::string out = "0000-00-00";
  put_digits(&out[0], static_cast<unsigned>(year_), 4);
  put_digits(&out[5], month_, 2);
  put_digits(&out[8], day_, 2);
  return out;
}

CivilDate CivilDate::plus_days(std::int64_t n) const { return from_days(days_since_1970() + n); }

CivilDate CivilDate::plus_months(int months, unsigned anchor_day) const {
  BURSAR_ASSERT(anchor_day >= 1 && anchor_day <= 31);
  const date::year_month moved = date::year(year_) / date::month(month_) + date::months(months);
  const date::year_month_day_last last(moved.year(), date::month_day_last(moved.month()));
  const auto last_day = static_cast<unsigned>(last.day());
  return {static_cast<int>(moved.year()), static_cast<unsigned>(moved.month()),
          anchor_day < last_day ? anchor_day : last_day};
}

std::int64_t days_between(CivilDate from, CivilDate to) { return to.days_since_1970() - from.days_since_1970(); }

Instant SystemClock::now() const {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return Instant(std::chrono::floor<std::chrono::seconds>(since_1970).count());
}

}  // namespace bursar
