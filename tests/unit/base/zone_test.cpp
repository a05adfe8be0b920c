// Goal: wall-clock time and instants turn into one another rightly through every kind of change that zones know.
#include <gtest/gtest.h>

#include "base/time.hpp"
#include "base/zone_rule.hpp"

namespace bursar {
namespace {

Zone zone(std::string_view name) { return Zone::find(name).value(); }
std::string utc_of(std::string_view name, int year, unsigned month, unsigned day, int hour, int minute) {
  return zone(name).instant({.date = CivilDate(year, month, day), .hour = hour, .minute = minute}).to_string();
}

TEST(Zone, a_skipped_time_is_the_first_instant_after_the_gap) {
  EXPECT_EQ(utc_of("America/Los_Angeles", 2027, 3, 14, 2, 30), "2027-03-14T10:00:00Z");
  EXPECT_EQ(utc_of("America/Los_Angeles", 2027, 3, 14, 3, 0), "2027-03-14T10:00:00Z");
  EXPECT_EQ(utc_of("Australia/Lord_Howe", 2027, 10, 3, 2, 15), "2027-10-02T15:30:00Z");  // half an hour
}

TEST(Zone, a_repeated_time_is_its_first) {
  EXPECT_EQ(utc_of("America/Los_Angeles", 2027, 11, 7, 1, 30), "2027-11-07T08:30:00Z");
  EXPECT_EQ(utc_of("Australia/Lord_Howe", 2027, 4, 4, 1, 45), "2027-04-03T14:45:00Z");
}

TEST(Zone, a_day_left_out_whole_begins_with_the_next) {
  EXPECT_EQ(utc_of("Pacific/Apia", 2011, 12, 29, 23, 59), "2011-12-30T09:59:00Z");
  EXPECT_EQ(utc_of("Pacific/Apia", 2011, 12, 30, 12, 0), "2011-12-30T10:00:00Z");
  EXPECT_EQ(utc_of("Pacific/Apia", 2011, 12, 31, 0, 0), "2011-12-30T10:00:00Z");
}

TEST(Zone, civil_time_of_an_instant) {
  const CivilTime time = zone("Asia/Kathmandu").civil(Instant::parse("2027-01-01T00:00:00Z").value());
  EXPECT_EQ(time, (CivilTime{CivilDate(2027, 1, 1), 5, 45, 0}));
  EXPECT_EQ(zone("America/Los_Angeles").date(Instant::parse("2027-02-01T03:00:00Z").value()), CivilDate(2027, 1, 31));
}

TEST(Zone, daylight_saving_goes_on_after_the_last_listed_change) {
  const Zone angeles = zone("America/Los_Angeles");
  EXPECT_EQ(angeles.civil(Instant::parse("2060-07-01T12:00:00Z").value()).hour, 5);
  EXPECT_EQ(angeles.civil(Instant::parse("2060-12-01T12:00:00Z").value()).hour, 4);
  EXPECT_EQ(utc_of("America/Los_Angeles", 2060, 3, 14, 2, 30), "2060-03-14T10:00:00Z");
  EXPECT_EQ(utc_of("America/Los_Angeles", 2060, 11, 7, 1, 30), "2060-11-07T08:30:00Z");
  EXPECT_EQ(zone("Australia/Sydney").civil(Instant::parse("2060-01-01T00:00:00Z").value()).hour, 11);
  EXPECT_EQ(zone("Europe/Dublin").civil(Instant::parse("2060-07-01T12:00:00Z").value()).hour, 13);
}

TEST(Zone, refuses_names_the_database_does_not_have) {
  for (const char* name :
       {"", "Mars/Olympus", "europe/berlin", "../../etc/passwd", "localtime", "posixrules", "America"}) {
    EXPECT_FALSE(Zone::find(name).ok()) << name;
  }
  EXPECT_EQ(zone("UTC").name(), "UTC");
  EXPECT_EQ(Zone::utc().instant({CivilDate(2027, 1, 1), 1, 2, 3}).to_string(), "2027-01-01T01:02:03Z");
}

TEST(Zone, every_wall_clock_minute_of_a_year_comes_back_or_lies_in_a_gap) {
  for (const char* name : {"America/Los_Angeles", "Australia/Lord_Howe", "Africa/Casablanca", "America/Nuuk"}) {
    const Zone here = zone(name);
    Instant last = here.start_of_day(CivilDate(2027, 1, 1));
    for (CivilDate day(2027, 1, 1); day.year() == 2027; day = day.plus_days(1)) {
      for (int minute = 0; minute < 1440; minute += 15) {
        const CivilTime time{day, minute / 60, minute % 60, 0};
        const Instant at = here.instant(time);
        ASSERT_LE(last, at) << name << " " << day.to_string();
        ASSERT_GE(here.civil(at), time) << name << " " << day.to_string();
        last = at;
      }
    }
  }
}

TEST(ZoneRule, reads_the_forms_of_the_database) {
  for (const char* text :
       {"PST8PDT,M3.2.0,M11.1.0", "<+01>-1", "EST5", "IST-1GMT0,M10.5.0,M3.5.0/1", "EET-2EEST,M3.4.4/50,M10.4.4/50",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"}) {
    EXPECT_TRUE(ZoneRule::parse(text)) << text;
  }
  for (const char* text :
       {"", "PST", "8", "PST8PDT", "PST8PDT,M13.1.0,M11.1.0", "PST8PDT,J60,J300", "PST8PDT,M3.2.0,M11.1.0x"}) {
    EXPECT_FALSE(ZoneRule::parse(text)) << text;
  }
}

}  // namespace
}  // namespace bursar
