#include "base/time.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace bursar {
namespace {

std::string refusal(std::string_view text) {
  auto result = Instant::parse(text);
  return result.ok() ? "accepted" : result.error().code;
}

TEST(Instant, reads_rfc_3339_with_any_offset) {
  EXPECT_EQ(Instant::parse("1970-01-01T00:00:00Z").value().unix_seconds(), 0);
  EXPECT_EQ(Instant::parse("2027-01-31T19:00:00-08:00").value().to_string(), "2027-02-01T03:00:00Z");
  EXPECT_EQ(Instant::parse("2027-01-31T00:30:00+05:45").value().to_string(), "2027-01-30T18:45:00Z");
  EXPECT_EQ(Instant::parse("9999-12-31T23:59:59Z").value().to_string(), "9999-12-31T23:59:59Z");
}

TEST(Instant, refuses_anything_else) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "bad_instant"},
      {"2027-01-31", "bad_instant"},
      {"2027-01-31T19:00:00", "bad_instant"},
      {"2027-01-31 19:00:00Z", "bad_instant"},
      {"2027-1-31T19:00:00Z", "bad_instant"},
      {"2027-01-31T19:00:00Zx", "bad_instant"},
      {"2027-01-31T19:00:00+0800", "bad_instant"},
      {"2027-01-31T19:00:00+24:00", "bad_instant"},
      {"2027-01-31T19:00:00.5Z", "instant_has_a_fraction"},
      {"2016-12-31T23:59:60Z", "instant_is_a_leap_second"},
      {"2027-02-29T00:00:00Z", "no_such_day"},
      {"2027-01-31T24:00:00Z", "no_such_time"},
      {"2027-01-31T19:60:00Z", "no_such_time"},
      {"1969-12-31T23:59:59Z", "instant_out_of_range"},
      {"1970-01-01T00:00:00+01:00", "instant_out_of_range"},
      {"9999-12-31T23:59:59-01:00", "instant_out_of_range"},
  };
  for (const auto& [text, code] : cases) EXPECT_EQ(refusal(text), code) << text;
}

TEST(Instant, is_written_as_it_is_read_and_sorts_as_text) {
  EXPECT_TRUE(rc::check([] {
    const Instant a(*rc::gen::inRange<std::int64_t>(0, 253'402'300'800));
    const Instant b(*rc::gen::inRange<std::int64_t>(0, 253'402'300'800));
    RC_ASSERT(Instant::parse(a.to_string()).value() == a);
    RC_ASSERT((a < b) == (a.to_string() < b.to_string()));
  }));
}

TEST(CivilDate, is_always_a_real_day) {
  EXPECT_EQ(CivilDate::parse("2028-02-29").value().to_string(), "2028-02-29");
  EXPECT_EQ(CivilDate::parse("2027-02-29").error().code, "no_such_day");
  EXPECT_EQ(CivilDate::parse("2100-02-29").error().code, "no_such_day");
  EXPECT_EQ(CivilDate::parse("2027-04-31").error().code, "no_such_day");
  EXPECT_EQ(CivilDate::parse("0000-01-01").error().code, "no_such_day");
  for (const char* text : {"", "2027-2-1", "2027/02/01", "20270201", "2027-02-01 ", "+2027-02-01", "2027-00-10"}) {
    EXPECT_FALSE(CivilDate::parse(text).ok()) << text;
  }
  EXPECT_THROW(CivilDate(2027, 2, 29), InvariantBroken);
}

TEST(CivilDate, counts_days_through_every_year) {
  CivilDate day(1970, 1, 1);
  for (std::int64_t n = 0; n < 60'000; ++n, day = day.plus_days(1)) {
    ASSERT_EQ(day.days_since_1970(), n);
    ASSERT_EQ(CivilDate::from_days(n), day);
    ASSERT_EQ(CivilDate::parse(day.to_string()).value(), day);
  }
  EXPECT_EQ(days_between(CivilDate(2027, 12, 31), CivilDate(2028, 3, 1)), 61);
}

TEST(CivilDate, moves_by_months_to_its_anchor) {
  const CivilDate start(2027, 1, 31);
  EXPECT_EQ(start.plus_months(1, 31).to_string(), "2027-02-28");
  EXPECT_EQ(start.plus_months(2, 31).to_string(), "2027-03-31");
  EXPECT_EQ(start.plus_months(12, 15).to_string(), "2028-01-15");
  EXPECT_EQ(start.plus_months(-2, 31).to_string(), "2026-11-30");
}

}  // namespace
}  // namespace bursar
