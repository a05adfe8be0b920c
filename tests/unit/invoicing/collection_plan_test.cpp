// Goal: a customer is pressed in the configured order, never all at once, and never without having had time to pay.
#include "invoicing/collection_plan.hpp"

#include <gtest/gtest.h>

namespace bursar::invoicing {
namespace {

const CivilDate due(2027, 1, 31);

// Reminders 3 days before, 1, 3 and 7 after; late fee and suspension on day 5, termination on day 30.
CollectionPlan plan() {
  settings::Billing billing;
  billing.late_fee = settings::LateFee{.after_days = 5, .percent = parse_percent("5").value(), .minimum = {}};
  return CollectionPlan(billing);
}

CivilDate day(int offset) { return due.plus_days(offset); }

TEST(CollectionPlan, steps_are_ordered_by_day_and_then_by_severity) {
  const auto steps = plan().steps();
  ASSERT_EQ(steps.size(), 7u);
  EXPECT_EQ(steps.front(), (DunningStep{-3, DunningAction::remind}));
  EXPECT_EQ(steps[3], (DunningStep{5, DunningAction::late_fee}));
  EXPECT_EQ(steps[4], (DunningStep{5, DunningAction::suspend}));
  EXPECT_EQ(steps.back(), (DunningStep{30, DunningAction::terminate}));
}

TEST(CollectionPlan, an_invoice_issued_in_time_is_collected_from_its_due_date) {
  const auto first = plan().first(due, day(-7), 7);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->on, day(-3));
  EXPECT_EQ(first->step.action, DunningAction::remind);
}

TEST(CollectionPlan, an_invoice_issued_late_gives_the_full_notice) {
  const auto first = plan().first(due, day(20), 7);  // the server was down for weeks
  ASSERT_TRUE(first);
  EXPECT_EQ(first->on, day(24)) << "3 days before the 7 days are over";
  const auto suspended = plan().next({3, DunningAction::remind}, due, day(30));
  EXPECT_EQ(suspended->on, day(32));
}

TEST(CollectionPlan, reminders_not_after_the_day_of_issue_are_left_out) {
  const auto first = plan().first(due, due, 0);  // an order, due at once
  ASSERT_TRUE(first);
  EXPECT_EQ(first->step, (DunningStep{1, DunningAction::remind}));
  EXPECT_EQ(first->on, day(1));
}

TEST(CollectionPlan, executed_in_time_the_steps_fall_on_the_days_of_the_plan) {
  const auto all = plan();
  auto planned = all.first(due, day(-7), 7);
  std::vector<CivilDate> days;
  while (planned) {
    days.push_back(planned->on);
    planned = all.next(planned->step, due, planned->on);
  }
  EXPECT_EQ(days, (std::vector<CivilDate>{day(-3), day(1), day(3), day(5), day(5), day(7), day(30)}));
}

TEST(CollectionPlan, after_downtime_the_distances_hold) {
  const auto all = plan();
  // Down from before the first reminder until day 40: everything is due by then.
  const PlannedStep waiting{{-3, DunningAction::remind}, day(-3)};
  const auto executed = all.due_now(waiting, day(40));
  EXPECT_EQ(executed.step, (DunningStep{3, DunningAction::remind})) << "one reminder instead of three";
  const auto fee = all.next(executed.step, due, day(40));
  ASSERT_TRUE(fee);
  EXPECT_EQ(fee->step.action, DunningAction::late_fee);
  EXPECT_EQ(fee->on, day(42));
  const auto suspension = all.next(fee->step, due, day(42));
  EXPECT_EQ(suspension->on, day(42));
  const auto reminder = all.next(suspension->step, due, day(42));
  EXPECT_EQ(reminder->on, day(44));
  const auto termination = all.next(reminder->step, due, day(44));
  EXPECT_EQ(termination->step.action, DunningAction::terminate);
  EXPECT_EQ(termination->on, day(67));
  EXPECT_FALSE(all.next(termination->step, due, day(67)));
}

TEST(CollectionPlan, reminders_of_a_late_invoice_are_not_collapsed_by_its_old_due_date) {
  const PlannedStep planned{{-3, DunningAction::remind}, day(24)};
  EXPECT_EQ(plan().due_now(planned, day(24)).step.offset, -3);
}

TEST(CollectionPlan, a_step_taken_out_of_the_configuration_leads_to_the_one_after_it) {
  const auto next = plan().next({4, DunningAction::remind}, due, day(4));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->step, (DunningStep{5, DunningAction::late_fee}));
}

TEST(CollectionPlan, nothing_configured_means_nothing_happens) {
  settings::Billing billing;
  billing.reminders = {.before_due = {}, .after_due = {}};
  billing.suspend_after_days = std::nullopt;
  billing.terminate_after_days = std::nullopt;
  EXPECT_FALSE(CollectionPlan(billing).first(due, day(-7), 7));
}

TEST(CollectionPlan, automatic_charges_wait_for_their_day_but_not_for_the_past) {
  settings::Billing billing;
  billing.autopay.days_before_due = 3;
  EXPECT_EQ(CollectionPlan(billing).first_autopay(due, day(-7)).on, day(-3));
  EXPECT_EQ(CollectionPlan(billing).first_autopay(due, day(9)).on, day(9));
}

}  // namespace
}  // namespace bursar::invoicing
