// Goal: a job runs once on each civil day it names, whatever the zone does. Zones are checked against an independent
// count of civil days.
#include "scheduler/cron.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace bursar::scheduler {
namespace {

CronExpression cron(std::string_view text) { return CronExpression::parse(text).value(); }
Zone zone(std::string_view name) { return Zone::find(name).value(); }
Instant instant(std::string_view text) { return Instant::parse(text).value(); }

std::vector<std::string> next(std::string_view text, std::string_view zone_name, std::string_view after, int count) {
  const CronExpression expression = cron(text);
  const Zone where = zone(zone_name);
  std::vector<std::string> out;
  Instant at = instant(after);
  for (int i = 0; i < count; ++i) {
    const auto found = expression.next_after(where, at);
    if (!found) break;
    out.push_back(found->at.to_string());
    at = found->at;
  }
  return out;
}
using Times = std::vector<std::string>;

TEST(Cron, reads_lists_ranges_steps_and_names) {
  EXPECT_EQ(next("*/20 8-10/2 * * *", "UTC", "2027-01-01T08:30:00Z", 4),
            (Times{"2027-01-01T08:40:00Z", "2027-01-01T10:00:00Z", "2027-01-01T10:20:00Z", "2027-01-01T10:40:00Z"}));
  EXPECT_EQ(next("5,10,15-17 0 1 jan,Jul *", "UTC", "2027-01-01T00:10:00Z", 4),
            (Times{"2027-01-01T00:15:00Z", "2027-01-01T00:16:00Z", "2027-01-01T00:17:00Z", "2027-07-01T00:05:00Z"}));
  EXPECT_EQ(next(" 0\t12   * * mon-FRI ", "UTC", "2027-01-01T12:00:00Z", 2),
            (Times{"2027-01-04T12:00:00Z", "2027-01-05T12:00:00Z"}));
}

TEST(Cron, zero_and_seven_are_sunday) {
  const Times sundays = {"2027-01-03T00:00:00Z", "2027-01-10T00:00:00Z"};
  for (const char* text : {"0 0 * * 0", "0 0 * * 7", "0 0 * * sun"}) {
    EXPECT_EQ(next(text, "UTC", "2027-01-01T00:00:00Z", 2), sundays) << text;
  }
  EXPECT_EQ(next("0 0 * * 5-7", "UTC", "2027-01-01T00:00:00Z", 3),
            (Times{"2027-01-02T00:00:00Z", "2027-01-03T00:00:00Z", "2027-01-08T00:00:00Z"}));
}

TEST(Cron, either_day_field_matches_where_both_are_restricted) {
  EXPECT_EQ(next("0 0 13 * fri", "UTC", "2027-01-01T00:00:00Z", 4),
            (Times{"2027-01-08T00:00:00Z", "2027-01-13T00:00:00Z", "2027-01-15T00:00:00Z", "2027-01-22T00:00:00Z"}));
  // "*/2" begins with a star: both must match.
  EXPECT_EQ(next("0 0 */2 * fri", "UTC", "2027-01-01T00:00:00Z", 2),
            (Times{"2027-01-15T00:00:00Z", "2027-01-29T00:00:00Z"}));
}

TEST(Cron, errors_name_field_and_column) {
  const std::pair<const char*, const char*> cases[] = {
      {"60 * * * *", "minute field, column 1"},
      {"0 24 * * *", "hour field, column 3"},
      {"0 0 0 * *", "day of month field, column 5"},
      {"0 0 32 * *", "day of month field, column 5"},
      {"0 0 * 13 *", "month field, column 7"},
      {"0 0 * foo *", "month field, column 7"},
      {"0 0 * * 8", "day of week field, column 9"},
      {"0 0 * * mond", "day of week field, column 9"},
      {"jan 0 * * *", "minute field, column 1"},
      {"5-1 * * * *", "minute field, column 1"},
      {"*/0 * * * *", "minute field, column 3"},
      {"*/90 * * * *", "minute field, column 3"},
      {"5/10 * * * *", "minute field, column 2"},
      {"1,,2 * * * *", "minute field, column 3"},
      {"1, * * * *", "minute field, column 3"},
      {"1- * * * *", "minute field, column 3"},
      {"-1 * * * *", "minute field, column 1"},
      {"* * * * ?", "day of week field, column 9"},
      {"0 1.5 * * *", "hour field, column 4"},
      {"99999999999 * * * *", "minute field, column 1"},
      {"0 0 30 2 *", "day of month field, column 5"},
      {"0 0 31 4,6,9,11 *", "day of month field, column 5"},
      {"", "has 0"},
      {"* * * *", "has 4"},
      {"* * * * * *", "has 6"},
      {"@daily", "has 1"},
  };
  for (const auto& [text, place] : cases) {
    const auto result = CronExpression::parse(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, "bad_cron_expression");
    EXPECT_NE(result.error().detail.find(place), std::string::npos) << text << ": " << result.error().detail;
  }
}

TEST(Cron, finds_the_rarest_days) {
  EXPECT_EQ(next("0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", 1), (Times{"2104-02-29T00:00:00Z"}));
  // The 29th of February on an even day of the week by a starred field: forty years around 2100.
  EXPECT_FALSE(next("0 0 29 2 */6", "UTC", "2090-01-01T00:00:00Z", 1).empty());
  EXPECT_TRUE(next("0 0 1 1 *", "UTC", "9999-06-01T00:00:00Z", 1).empty());
}

TEST(Cron, both_changes_of_los_angeles) {
  // Spring: 02:30 does not exist on the 14th of March and runs at 03:00, the first instant after the gap.
  EXPECT_EQ(next("30 2 * * *", "America/Los_Angeles", "2027-03-13T00:00:00Z", 3),
            (Times{"2027-03-13T10:30:00Z", "2027-03-14T10:00:00Z", "2027-03-15T09:30:00Z"}));
  // Autumn: 01:30 comes twice on the 7th of November and runs the first time.
  EXPECT_EQ(next("30 1 * * *", "America/Los_Angeles", "2027-11-06T00:00:00Z", 3),
            (Times{"2027-11-06T08:30:00Z", "2027-11-07T08:30:00Z", "2027-11-08T09:30:00Z"}));
  EXPECT_EQ(next("0 19 * * *", "America/Los_Angeles", "2027-03-13T12:00:00Z", 2),
            (Times{"2027-03-14T03:00:00Z", "2027-03-15T02:00:00Z"}));
}

TEST(Cron, times_that_fall_into_one_gap_run_once) {
  EXPECT_EQ(next("*/30 2-3 * * *", "America/Los_Angeles", "2027-03-14T00:00:00Z", 3),
            (Times{"2027-03-14T10:00:00Z", "2027-03-14T10:30:00Z", "2027-03-15T09:00:00Z"}));
}

TEST(Cron, a_gap_across_midnight_still_runs_for_the_day_it_took_the_time_from) {
  // Nuuk goes from Saturday 23:00 to Sunday 00:00.
  const auto run = cron("30 23 * * *").next_after(zone("America/Nuuk"), instant("2027-03-27T12:00:00Z"));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->at.to_string(), "2027-03-28T01:00:00Z");
  EXPECT_EQ(run->date, CivilDate(2027, 3, 27));
}

TEST(Cron, a_day_that_a_zone_leaves_out_has_no_run) {
  EXPECT_EQ(next("0 19 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 2),
            (Times{"2011-12-30T05:00:00Z", "2011-12-31T05:00:00Z"}));
}

TEST(Cron, one_run_for_each_civil_day_in_ten_zones_over_five_years) {
  const char* zones[] = {"America/Los_Angeles", "Europe/Berlin",  "Australia/Lord_Howe", "Pacific/Apia",
                         "Africa/Casablanca",   "Asia/Kathmandu", "America/Nuuk",        "America/St_Johns",
                         "Pacific/Chatham",     "Asia/Gaza"};
  for (const char* name : zones) {
    const Zone where = zone(name);
    for (const char* text : {"0 19 * * *", "30 2 * * *", "15 1 * * *", "59 23 * * *", "0 0 * * *"}) {
      const CronExpression expression = cron(text);
      for (CivilDate first : {CivilDate(2009, 12, 31), CivilDate(2025, 12, 31), CivilDate(2036, 12, 31)}) {
        Instant at = where.instant({.date = first, .hour = 23, .minute = 59, .second = 59});
        CivilDate day = first;
        for (int i = 0; i < 5 * 365; ++i) {
          const auto run = expression.next_after(where, at);
          ASSERT_TRUE(run);
          ASSERT_GT(run->at, at);
          const std::int64_t passed = days_between(day, run->date);
          const bool over_a_missing_day = std::string_view(name) == "Pacific/Apia" && day == CivilDate(2011, 12, 29);
          ASSERT_EQ(passed, over_a_missing_day ? 2 : 1) << name << " " << text << " " << run->at.to_string();
          // The day of the instant is the day the run stands for, but for a gap that swallows midnight.
          ASSERT_LE(days_between(run->date, where.date(run->at)), 1);
          at = run->at;
          day = run->date;
        }
      }
    }
  }
}

}  // namespace
}  // namespace bursar::scheduler
