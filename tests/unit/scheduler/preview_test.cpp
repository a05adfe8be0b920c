// Goal: a preview tells what runs would do, and stores nothing.
#include "unit/scheduler/fixture.hpp"

namespace bursar::scheduler {
namespace {

class PreviewTest : public SchedulerTest {
 protected:
  static std::int64_t count_work(storage::Connection& db) {
    auto rows = db.query("SELECT COUNT(*) FROM test_work");
    return rows.next() ? rows.integer(0) : 0;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, PreviewTest, test::backends());

Instant instant(std::string_view text) { return Instant::parse(text).value(); }

TEST_P(PreviewTest, shows_the_runs_to_come_and_leaves_nothing) {
  AccountStep bills("bills");
  AccountStep reminders("reminders", 10, false);
  auto scheduler = make({&bills, &reminders});
  scheduler->run_due();
  std::int64_t reported = 0;
  const auto runs_to_come = scheduler->preview(instant("2027-01-03T12:00:00Z"), "daily",
                                               [&](storage::Transaction& tx) { reported = count_work(tx); });
  ASSERT_TRUE(runs_to_come.ok()) << runs_to_come.error().detail;
  ASSERT_EQ(runs_to_come->size(), 3u);
  EXPECT_EQ(reported, 60);
  for (const RunStatus& run : *runs_to_come) {
    ASSERT_EQ(run.steps.size(), 2u) << "a run to come is not a missed one";
    EXPECT_EQ(run.steps[1].counts, (Counts{{"accounts", 10}}));
  }
  EXPECT_TRUE(runs().empty());
  EXPECT_EQ(db->read([](storage::Connection& c) { return count_work(c); }), 0);
  for (const RunContext& context : bills.seen) EXPECT_EQ(context.now, context.scheduled_at);
}

TEST_P(PreviewTest, shows_missed_runs_as_they_would_be_caught_up) {
  AccountStep bills("bills");
  AccountStep reminders("reminders", 10, false);
  auto scheduler = make({&bills, &reminders});
  scheduler->run_due();
  clock.set("2027-01-02T12:00:00Z");
  const auto due = scheduler->preview(clock.now(), "daily", [](storage::Transaction&) {}).value();
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].steps.size(), 1u);
  EXPECT_EQ(due[1].steps.size(), 2u);
}

TEST_P(PreviewTest, leaves_out_a_bad_account_and_counts_it) {
  AccountStep step("only");
  step.before_account = [](std::int64_t account) {
    if (account == 3) throw std::runtime_error("bad");
  };
  auto scheduler = make({&step});
  const auto result = scheduler->preview(instant("2027-01-01T12:00:00Z"), "daily", [](storage::Transaction&) {});
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->size(), 1u);
  EXPECT_EQ((*result)[0].steps[0].parked, 1);
  EXPECT_EQ((*result)[0].steps[0].counts, (Counts{{"accounts", 9}}));
}

TEST_P(PreviewTest, says_when_a_step_cannot_go_on) {
  AccountStep step("only");
  step.before_chunk = [] { throw std::runtime_error("no rules"); };
  auto scheduler = make({&step});
  EXPECT_EQ(scheduler->preview(instant("2027-01-01T12:00:00Z"), "daily", [](storage::Transaction&) {}).error().code,
            "preview_failed");
  EXPECT_EQ(scheduler->preview(instant("2027-01-01T12:00:00Z"), "weekly", [](storage::Transaction&) {}).error().code,
            "no_such_job");
}

}  // namespace
}  // namespace bursar::scheduler
