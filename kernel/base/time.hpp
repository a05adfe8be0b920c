// Two kinds of time that never mix: an Instant (a point on the UTC line, whole seconds) and a CivilDate (a square on
// the provider's wall calendar). A Zone, from the system's time zone database, turns one into the other.
// Stored and sent as text: instants "2027-01-31T03:00:00Z" (RFC 3339), dates "2027-01-31"; both sort as text.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bursar {

struct Duration {
  std::int64_t seconds = 0;
  auto operator<=>(const Duration&) const = default;
};
constexpr Duration seconds(std::int64_t n) { return {n}; }
constexpr Duration minutes(std::int64_t n) { return {n * 60}; }
constexpr Duration hours(std::int64_t n) { return {n * 3600}; }
constexpr Duration days(std::int64_t n) { return {n * 86400}; }

// Whole seconds since 1970-01-01T00:00:00Z. Years 1970 to 9999.
class Instant {
 public:
  constexpr Instant() = default;
  constexpr explicit Instant(std::int64_t unix_seconds) : unix_seconds_(unix_seconds) {}
  // RFC 3339 with "Z" or a numeric offset; fractions of a second are refused, as is a leap second.
  static Result<Instant> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;  // always "YYYY-MM-DDTHH:MM:SSZ"
  [[nodiscard]] constexpr std::int64_t unix_seconds() const { return unix_seconds_; }
  constexpr auto operator<=>(const Instant&) const = default;
  friend constexpr Instant operator+(Instant t, Duration d) { return Instant(t.unix_seconds_ + d.seconds); }
  friend constexpr Instant operator-(Instant t, Duration d) { return Instant(t.unix_seconds_ - d.seconds); }
  friend constexpr Duration operator-(Instant a, Instant b) { return {a.unix_seconds_ - b.unix_seconds_}; }

 private:
  std::int64_t unix_seconds_ = 0;
};

// A day of the proleptic Gregorian calendar. Always a real day: 2027-02-29 can't be built.
class CivilDate {
 public:
  CivilDate() = default;                                  // 1970-01-01
  CivilDate(int year, unsigned month, unsigned day);      // throws InvariantBroken for an unreal day
  static Result<CivilDate> parse(std::string_view text);  // strict "YYYY-MM-DD"
  static CivilDate from_days(std::int64_t days_since_1970);
  [[nodiscard]] int year() const { return year_; }
  [[nodiscard]] unsigned month() const { return month_; }
  [[nodiscard]] unsigned day() const { return day_; }
  [[nodiscard]] std::int64_t days_since_1970() const;
  [[nodiscard]] std::string to_string() const;  // "YYYY-MM-DD"
  [[nodiscard]] CivilDate plus_days(std::int64_t n) const;
  // Moves by whole months and then to `anchor_day`, or the month's last day where it has none:
  // 2027-01-31 +1 month anchored on 31 is 2027-02-28, +2 months is 2027-03-31.
  [[nodiscard]] CivilDate plus_months(int months, unsigned anchor_day) const;
  auto operator<=>(const CivilDate&) const = default;

 private:
  std::int16_t year_ = 1970;
  std::uint8_t month_ = 1;
  std::uint8_t day_ = 1;
};
std::int64_t days_between(CivilDate from, CivilDate to);  // to - from

// A wall-clock time in some zone; seconds are always whole.
struct CivilTime {
  CivilDate date;
  int hour = 0;
  int minute = 0;
  int second = 0;
  auto operator<=>(const CivilTime&) const = default;
};

// An IANA zone. Cheap to copy; the data live as long as the process.
class Zone {
 public:
  static Result<Zone> find(std::string_view name);  // "America/Los_Angeles"
  static Zone utc();
  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] CivilTime civil(Instant instant) const;
  [[nodiscard]] CivilDate date(Instant instant) const { return civil(instant).date; }
  // The instant of a wall-clock time. A time skipped by a change of offset answers the first instant after the gap;
  // a repeated one answers its first occurrence.
  [[nodiscard]] Instant instant(const CivilTime& civil) const;
  [[nodiscard]] Instant start_of_day(CivilDate date) const { return instant({.date = date}); }

 private:
  explicit Zone(const void* data) : data_(data) {}
  const void* data_;
};

// The only source of "now". Handed in; nothing else asks the system.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
};
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
};

}  // namespace bursar
