#include "scheduler/cron.hpp"

#include <array>
#include <vector>

namespace bursar::scheduler {
namespace {

struct FieldRule {
  std::string_view name;
  int least;
  int most;
  int first_name_value;  // what names[0] stands for
  std::vector<std::string_view> names;
};

const std::array<FieldRule, 5>& field_rules() {
  static const std::array<FieldRule, 5> rules = {
      FieldRule{"minute", 0, 59, 0, {}},
      FieldRule{"hour", 0, 23, 0, {}},
      FieldRule{"day of month", 1, 31, 0, {}},
      FieldRule{
          "month", 1, 12, 1, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
      FieldRule{"day of week", 0, 7, 0, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
  };
  return rules;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// Reads one field; remembers where it stands in the whole text for its errors.
class FieldReader {
 public:
  FieldReader(const FieldRule& rule, std::string_view text, std::size_t begin, std::size_t end)
      : rule_(rule), text_(text), at_(begin), end_(end) {}

  Result<std::uint64_t> read() {
    std::uint64_t values = 0;
    for (;;) {
      BURSAR_TRY(part, range());
      values |= part;
      if (at_ == end_) return values;
      if (text_[at_] != ',') return wrong("unexpected character; a list is separated by commas");
      ++at_;
    }
  }

 private:
  [[nodiscard]] Error wrong(const std::string& what) const { return wrong_at(at_, what); }
  [[nodiscard]] Error wrong_at(std::size_t at, const std::string& what) const {
    const std::string where = std::string(rule_.name) + " field, column " + std::to_string(at + 1);
    return {.kind = ErrorKind::invalid,
            .code = "bad_cron_expression",
            .detail = where + ": " + what + ".",
            .cure = "Write five fields: minute, hour, day of month, month, day of week; for example 0 19 * * *."};
  }

  Result<std::uint64_t> range() {
    const std::size_t begin = at_;
    int from = rule_.least;
    int to = rule_.most;
    bool several = true;
    if (at_ < end_ && text_[at_] == '*') {
      ++at_;
    } else {
      BURSAR_TRY(first, value());
      from = to = first;
      several = at_ < end_ && text_[at_] == '-';
      if (several) {
        ++at_;
        BURSAR_TRY(last, value());
        to = last;
      }
    }
    if (from > to) return wrong_at(begin, "the range runs backwards");
    BURSAR_TRY(width, step(several));
    std::uint64_t values = 0;
    for (int v = from; v <= to; v += width) values |= std::uint64_t{1} << v;
    return values;
  }

  Result<int> step(bool allowed) {
    if (at_ == end_ || text_[at_] != '/') return 1;
    if (!allowed) return wrong("a step follows a range or *, not a single value");
    ++at_;
    const std::size_t begin = at_;
    BURSAR_TRY(width, number("a step"));
    if (width < 1 || width > rule_.most) {
      return wrong_at(begin, "a step lies between 1 and " + std::to_string(rule_.most));
    }
    return width;
  }

  Result<int> value() {
    if (at_ < end_ && is_letter(text_[at_])) return named();
    const std::size_t begin = at_;
    BURSAR_TRY(result, number("a value"));
    if (result < rule_.least || result > rule_.most) {
      return wrong_at(begin, "the value does not lie between " + std::to_string(rule_.least) + " and " +
                                 std::to_string(rule_.most));
    }
    return result;
  }

  Result<int> number(const std::string& what) {
    const std::size_t begin = at_;
    int result = 0;
    for (; at_ < end_ && is_digit(text_[at_]); ++at_) {
      if (at_ - begin == 4) return wrong_at(begin, "the number is too long");
      result = result * 10 + (text_[at_] - '0');
    }
    if (at_ == begin) return wrong("expected " + what);
    return result;
  }

  Result<int> named() {
    const std::size_t begin = at_;
    std::string word;
    while (at_ < end_ && is_letter(text_[at_])) word += lower(text_[at_++]);
    for (std::size_t i = 0; i < rule_.names.size(); ++i) {
      if (word == rule_.names[i]) return rule_.first_name_value + static_cast<int>(i);
    }
    if (rule_.names.empty()) return wrong_at(begin, "this field takes numbers only");
    return wrong_at(begin, "unknown name; names have three letters, such as " + std::string(rule_.names[0]));
  }

  const FieldRule& rule_;
  std::string_view text_;
  std::size_t at_;
  std::size_t end_;
};

struct Span {
  std::size_t begin;
  std::size_t end;
};

std::vector<Span> split_fields(std::string_view text) {
  std::vector<Span> fields;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == ' ' || text[at] == '\t') {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && text[at] != ' ' && text[at] != '\t') ++at;
    fields.push_back({begin, at});
  }
  return fields;
}

Error wrong_shape(std::string detail) {
  return {.kind = ErrorKind::invalid,
          .code = "bad_cron_expression",
          .detail = std::move(detail),
          .cure = "Write five fields: minute, hour, day of month, month, day of week; for example 0 19 * * *."};
}

bool has(std::uint64_t values, std::int64_t value) { return (values >> value & 1) != 0; }

constexpr std::int64_t days_of_all_calendars = 146'097;  // 400 years: then the days of the week repeat

}  // namespace

Result<CronExpression> CronExpression::parse(std::string_view text) {
  if (text.size() > 500) return wrong_shape("The cron expression is longer than 500 characters.");
  const auto fields = split_fields(text);
  if (fields.size() != 5) {
    return wrong_shape("A cron expression has five fields; this one has " + std::to_string(fields.size()) + ".");
  }
  CronExpression out;
  out.text_ = std::string(text);
  const std::array<std::uint64_t*, 5> targets = {&out.minutes_, &out.hours_, &out.days_, &out.months_, &out.weekdays_};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    BURSAR_TRY(values, FieldReader(field_rules()[i], text, fields[i].begin, fields[i].end).read());
    *targets[i] = values;
  }
  if (has(out.weekdays_, 7)) out.weekdays_ |= 1;
  out.any_day_ = text[fields[2].begin] == '*';
  out.any_weekday_ = text[fields[4].begin] == '*';

  CivilDate date(2000, 1, 1);
  for (std::int64_t i = 0; i < days_of_all_calendars; ++i, date = date.plus_days(1)) {
    if (out.matches(date)) return out;
  }
  return wrong_shape("day of month field, column " + std::to_string(fields[2].begin + 1) +
                     ": no month of the month field has such a day, so the job would never run.");
}

bool CronExpression::matches(CivilDate date) const {
  if (!has(months_, date.month())) return false;
  const std::int64_t weekday = ((date.days_since_1970() + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  const bool day = has(days_, date.day());
  const bool of_week = has(weekdays_, weekday);
  return any_day_ || any_weekday_ ? day && of_week : day || of_week;
}

std::optional<Occurrence> CronExpression::next_after(const Zone& zone, Instant after) const {
  const CivilDate last(9999, 12, 30);
  // From the day before: a gap across midnight moves the last times of a day into the next one.
  for (CivilDate date = zone.date(after).plus_days(-1); date < last; date = date.plus_days(1)) {
    if (!matches(date)) continue;
    if (zone.start_of_day(date) == zone.start_of_day(date.plus_days(1))) continue;  // the zone left this day out
    for (int hour = 0; hour < 24; ++hour) {
      if (!has(hours_, hour)) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if (!has(minutes_, minute)) continue;
        const Instant at = zone.instant({.date = date, .hour = hour, .minute = minute});
        if (at > after) return Occurrence{at, date};
      }
    }
  }
  return std::nullopt;
}

}  // namespace bursar::scheduler
