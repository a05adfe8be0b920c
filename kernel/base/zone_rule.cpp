#include "base/zone_rule.hpp"

#include <date/date.h>

#include <algorithm>
#include <charconv>

namespace bursar {
namespace {

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& text, std::int64_t& value) {
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
  return true;
}

// "PST" or "<+01>"
bool take_name(std::string_view& text) {
  const bool quoted = take(text, '<');
  const auto end = std::find_if(text.begin(), text.end(), [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return quoted ? c == '>' : !letter;
  });
  if (end == text.begin()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
  return !quoted || take(text, '>');
}

// "[+-]hh[:mm[:ss]]"
bool take_time(std::string_view& text, std::int64_t& seconds) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  if (!take_number(text, hour)) return false;
  if (take(text, ':') && !take_number(text, minute)) return false;
  if (take(text, ':') && !take_number(text, second)) return false;
  seconds = (hour * 3600 + minute * 60 + second) * (negative ? -1 : 1);
  return true;
}

// The year of the calendar that a count of seconds since 1970 falls in.
int year_of(std::int64_t seconds) {
  const date::sys_seconds at{std::chrono::seconds(seconds)};
  return static_cast<int>(date::year_month_day(date::floor<date::days>(at)).year());
}

}  // namespace

bool ZoneRule::take_change(std::string_view& text, Change& change) {
  std::int64_t month = 0;
  std::int64_t week = 0;
  std::int64_t weekday = 0;
  if (!take(text, ',') || !take(text, 'M') || !take_number(text, month) || !take(text, '.') ||
      !take_number(text, week) || !take(text, '.') || !take_number(text, weekday)) {
    return false;
  }
  if (month < 1 || month > 12 || week < 1 || week > 5 || weekday > 6) return false;
  change.month = static_cast<unsigned>(month);
  change.week = static_cast<unsigned>(week);
  change.weekday = static_cast<unsigned>(weekday);
  return !take(text, '/') || take_time(text, change.second);
}

std::optional<ZoneRule> ZoneRule::parse(std::string_view text) {
  ZoneRule rule;
  std::int64_t west = 0;
  if (!take_name(text) || !take_time(text, west)) return std::nullopt;
  rule.standard_ = -west;
  rule.saving_ = rule.standard_;
  if (text.empty()) return rule;
  if (!take_name(text)) return std::nullopt;
  rule.saving_ = rule.standard_ + 3600;
  if (!text.empty() && text.front() != ',') {
    if (!take_time(text, west)) return std::nullopt;
    rule.saving_ = -west;
  }
  if (!take_change(text, rule.starts_) || !take_change(text, rule.ends_) || !text.empty()) return std::nullopt;
  return rule;
}

std::int64_t ZoneRule::local_second(const Change& change, int year) {
  const date::year_month month = date::year(year) / date::month(change.month);
  const date::weekday weekday(change.weekday);
  const date::sys_days day =
      change.week == 5 ? date::sys_days(month / weekday[date::last]) : date::sys_days(month / weekday[change.week]);
  return std::int64_t{day.time_since_epoch().count()} * 86'400 + change.second;
}

std::int64_t ZoneRule::offset_at(std::int64_t utc) const {
  if (saving_ == standard_) return standard_;
  const int year = year_of(utc + standard_);
  const std::int64_t start = local_second(starts_, year) - standard_;
  const std::int64_t end = local_second(ends_, year) - saving_;
  const bool saving = start < end ? utc >= start && utc < end : utc >= start || utc < end;
  return saving ? saving_ : standard_;
}

std::int64_t ZoneRule::utc_of(std::int64_t local) const {
  const std::int64_t most = std::max(standard_, saving_);
  const std::int64_t least = std::min(standard_, saving_);
  for (std::int64_t offset : {most, least}) {  // the greater offset gives the earlier instant
    if (offset_at(local - offset) == offset) return local - offset;
  }
  // Skipped. The gap opens where the offset grows; counted with the smaller one the local time lies past its start.
  const Change& change = saving_ > standard_ ? starts_ : ends_;
  return local_second(change, year_of(local)) - least;
}

}  // namespace bursar
