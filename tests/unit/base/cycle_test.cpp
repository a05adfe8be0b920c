// Goal: due dates never drift. Each is checked against the calendar for 40 years.
#include "base/cycle.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace bursar {
namespace {

CivilDate date(std::string_view text) { return CivilDate::parse(text).value(); }
BillingCycle cycle(std::string_view text) { return BillingCycle::parse(text).value(); }
unsigned last_day(int year, unsigned month) {
  return (month == 12 ? CivilDate(year + 1, 1, 1) : CivilDate(year, month + 1, 1)).plus_days(-1).day();
}

TEST(BillingCycle, reads_lengths_and_names) {
  EXPECT_EQ(cycle("monthly"), cycle("1m"));
  EXPECT_EQ(cycle("quarterly").month_count(), 3);
  EXPECT_EQ(cycle("semi_annually").month_count(), 6);
  EXPECT_EQ(cycle("annually").to_string(), "12m");
  EXPECT_EQ(cycle("24m").name(), "biennially");
  EXPECT_EQ(cycle("triennially").to_string(), "36m");
  EXPECT_EQ(cycle("5m").name(), "5m");
  EXPECT_EQ(cycle("one_time").to_string(), "one_time");
  EXPECT_FALSE(cycle("one_time").is_recurring());
  for (int n = 1; n <= 36; ++n) EXPECT_EQ(cycle(BillingCycle::months(n).to_string()).month_count(), n);
}

TEST(BillingCycle, refuses_anything_else) {
  for (const char* text :
       {"", "m", "0m", "37m", "01m", "1M", " 1m", "1", "-1m", "1.5m", "99999999m", "Monthly", "yearly"}) {
    EXPECT_FALSE(BillingCycle::parse(text).ok()) << text;
  }
}

TEST(DueDate, a_short_february_leaves_no_trace) {
  const CivilDate anchor = date("2027-01-31");
  EXPECT_EQ(due_date(anchor, 31, cycle("monthly"), 0), anchor);
  EXPECT_EQ(due_date(anchor, 31, cycle("monthly"), 1), date("2027-02-28"));
  EXPECT_EQ(due_date(anchor, 31, cycle("monthly"), 2), date("2027-03-31"));
  EXPECT_EQ(due_date(anchor, 31, cycle("monthly"), 13), date("2028-02-29"));
}

TEST(DueDate, forty_years_of_months_keep_the_anchor_day) {
  for (unsigned anchor_day : {1u, 28u, 29u, 30u, 31u}) {
    const CivilDate anchor(2027, 1, anchor_day);
    for (int k = 1; k <= 480; ++k) {
      const CivilDate due = due_date(anchor, anchor_day, cycle("monthly"), k);
      ASSERT_EQ(due.year(), 2027 + k / 12);
      ASSERT_EQ(due.month(), static_cast<unsigned>(k % 12) + 1);
      ASSERT_EQ(due.day(), std::min(anchor_day, last_day(due.year(), due.month())));
      ASSERT_LT(due_date(anchor, anchor_day, cycle("monthly"), k - 1), due);
    }
  }
}

TEST(DueDate, yearly_from_the_29th_of_february_comes_back_to_it) {
  const CivilDate anchor = date("2028-02-29");
  for (int k = 0; k <= 40; ++k) {
    const CivilDate due = due_date(anchor, 29, cycle("annually"), k);
    EXPECT_EQ(due, CivilDate(2028 + k, 2, last_day(2028 + k, 2)));
  }
}

TEST(DueDate, every_length_agrees_with_as_many_single_months) {
  const CivilDate anchor = date("2027-08-31");
  for (int length = 1; length <= 36; ++length) {
    for (int k = 0; k * length <= 480; ++k) {
      ASSERT_EQ(due_date(anchor, 31, BillingCycle::months(length), k), due_date(anchor, 31, cycle("1m"), k * length));
    }
  }
}

TEST(DueDate, a_service_that_began_on_a_short_months_last_day_returns_to_its_anchor) {
  EXPECT_EQ(due_date(date("2027-02-28"), 31, cycle("monthly"), 1), date("2027-03-31"));
}

TEST(DueDate, a_one_time_service_is_due_once) {
  EXPECT_EQ(due_date(date("2027-01-31"), 31, BillingCycle::one_time(), 0), date("2027-01-31"));
  EXPECT_THROW(due_date(date("2027-01-31"), 31, BillingCycle::one_time(), 1), InvariantBroken);
}

}  // namespace
}  // namespace bursar
