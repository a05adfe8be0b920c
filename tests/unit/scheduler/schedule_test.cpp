// Goal: each scheduled instant has one run, in order, whatever happens to the clock and however many schedulers there
// are.
#include <atomic>
#include <thread>

#include "scheduler/test_clock.hpp"
#include "unit/scheduler/fixture.hpp"

namespace bursar::scheduler {
namespace {

class ScheduleTest : public SchedulerTest {};
INSTANTIATE_TEST_SUITE_P(Backends, ScheduleTest, test::backends());

Instant instant(std::string_view text) { return Instant::parse(text).value(); }

TEST_P(ScheduleTest, begins_with_the_first_instant_after_its_first_day) {
  AccountStep step("only");
  auto scheduler = make({&step});
  scheduler->run_due();
  EXPECT_TRUE(runs().empty());
  clock.set("2027-01-01T02:59:59Z");
  scheduler->run_due();
  EXPECT_TRUE(runs().empty());
  clock.set("2027-01-01T03:00:00Z");
  EXPECT_EQ(scheduler->run_due().done, 1);
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(runs()[0].status, "done");
  EXPECT_EQ(runs()[0].date, CivilDate(2026, 12, 31));
  EXPECT_FALSE(runs()[0].catch_up);
  EXPECT_EQ(work("only", "2027-01-01T03:00:00Z"), accounts_to(10));
  EXPECT_EQ(scheduler->run_due().done, 0);
}

TEST_P(ScheduleTest, downtime_is_caught_up_in_order_and_only_the_latest_run_presses) {
  AccountStep bills("bills");
  AccountStep reminders("reminders", 10, false);
  make({&bills, &reminders})->run_due();
  clock.set("2027-01-04T12:00:00Z");  // three instants later
  EXPECT_EQ(make({&bills, &reminders})->run_due().done, 4);
  const auto all = runs();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_FALSE(all[0].catch_up);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(all[i].catch_up);
  std::vector<Instant> order;
  for (const auto& context : bills.seen) {
    if (order.empty() || order.back() != context.scheduled_at) order.push_back(context.scheduled_at);
  }
  EXPECT_EQ(order, (std::vector<Instant>{instant("2027-01-01T03:00:00Z"), instant("2027-01-02T03:00:00Z"),
                                         instant("2027-01-03T03:00:00Z"), instant("2027-01-04T03:00:00Z")}));
  for (const auto& context : bills.seen) EXPECT_EQ(context.now, clock.now());
  EXPECT_TRUE(work("reminders", "2027-01-01T03:00:00Z").empty());
  EXPECT_EQ(work("reminders", "2027-01-04T03:00:00Z"), accounts_to(10));
}

TEST_P(ScheduleTest, without_catch_up_missed_instants_are_stored_as_skipped) {
  AccountStep step("only");
  make({&step}, daily(false))->run_due();
  clock.set("2027-01-04T12:00:00Z");
  EXPECT_EQ(make({&step}, daily(false))->run_due().done, 1);
  const auto all = runs();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].status, "done");
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(all[i].status, "skipped");
}

TEST_P(ScheduleTest, four_hundred_days_of_downtime_have_four_hundred_runs) {
  options.breaker.missed_days = std::nullopt;
  AccountStep step("only", 1);
  make({&step})->run_due();
  clock.advance(days(400));
  EXPECT_EQ(make({&step})->run_due().done, 400);
  for (const auto& run : runs()) EXPECT_EQ(run.status, "done");
}

TEST_P(ScheduleTest, more_missed_instants_than_one_transaction_plans) {
  AccountStep step("only", 1);
  settings::Job job{.name = "often", .cron = "* * * * *", .timezone = Zone::utc(), .catch_up = false};
  make({&step}, job)->run_due();
  clock.advance(minutes(2500));
  EXPECT_EQ(make({&step}, job)->run_due().done, 1);
  db->read([](storage::Connection& c) {
    auto rows = c.query("SELECT COUNT(*) FROM scheduler_runs WHERE status = 'skipped'");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(0), 2499);
  });
}

TEST_P(ScheduleTest, a_clock_set_back_runs_nothing_again) {
  AccountStep step("only");
  auto scheduler = make({&step});
  scheduler->run_due();
  clock.set("2027-01-02T04:00:00Z");
  EXPECT_EQ(scheduler->run_due().done, 2);
  for (const char* back : {"2027-01-02T02:00:00Z", "2027-01-01T03:00:00Z", "2027-01-02T03:00:00Z"}) {
    clock.set(back);
    EXPECT_EQ(scheduler->run_due().done, 0);
    EXPECT_EQ(make({&step})->run_due().done, 0);
  }
  clock.set("2027-01-03T03:00:00Z");
  EXPECT_EQ(scheduler->run_due().done, 1);
  EXPECT_EQ(runs().size(), 3u);
}

TEST_P(ScheduleTest, two_schedulers_on_one_database_run_each_instant_once) {
  AccountStep first_step("only");
  AccountStep second_step("only");
  auto first = make({&first_step});
  auto second = make({&second_step});
  first->run_due();
  for (int day = 1; day <= 10; ++day) {
    clock.advance(days(1));
    std::atomic<int> done = 0;
    std::thread other([&] { done += second->run_due().done; });
    done += first->run_due().done;
    other.join();
    done += first->run_due().done;  // what the other held while this one looked
    ASSERT_EQ(done, 1) << day;
  }
  EXPECT_EQ(runs().size(), 10u);
  for (const auto& run : runs()) EXPECT_EQ(work("only", run.scheduled_at.to_string()), accounts_to(10));
}

TEST_P(ScheduleTest, a_changed_expression_does_not_reach_back_over_a_quiet_time) {
  AccountStep step("only", 1);
  settings::Job job{.name = "job", .cron = "0 0 1 1 *", .timezone = Zone::utc(), .catch_up = true};
  make({&step}, job)->run_due();
  clock.set("2027-06-01T12:00:00Z");
  make({&step}, job)->run_due();
  job.cron = "0 * * * *";
  EXPECT_EQ(make({&step}, job)->run_due().done, 0);
  clock.advance(hours(1));
  EXPECT_EQ(make({&step}, job)->run_due().done, 1);
}

TEST_P(ScheduleTest, both_changes_of_los_angeles_have_one_run_a_day) {
  options.breaker.missed_days = std::nullopt;
  AccountStep step("only", 1);
  TestClock moved(*db, instant("2027-03-12T00:00:00Z"));
  settings::Job job = daily();
  job.cron = "30 2 * * *";
  auto scheduler = Scheduler::create(*db, moved, {job}, {{"daily", {&step}}}, options).value();
  ASSERT_TRUE(moved.advance_to(instant("2027-03-17T00:00:00Z"), *scheduler, [] { return std::nullopt; }).ok());
  std::vector<std::string> times;
  for (const auto& context : step.seen)
    times.push_back(context.scheduled_at.to_string() + " " + context.date.to_string());
  EXPECT_EQ(times, (std::vector<std::string>{"2027-03-12T10:30:00Z 2027-03-12", "2027-03-13T10:30:00Z 2027-03-13",
                                             "2027-03-14T10:00:00Z 2027-03-14", "2027-03-15T09:30:00Z 2027-03-15",
                                             "2027-03-16T09:30:00Z 2027-03-16"}));
  step.seen.clear();
  ASSERT_TRUE(moved.jump_to(instant("2027-11-06T00:00:00Z")).ok());
  scheduler->run_due();
  step.seen.clear();
  ASSERT_TRUE(moved.advance_to(instant("2027-11-09T00:00:00Z"), *scheduler, [] { return std::nullopt; }).ok());
  EXPECT_EQ(step.seen.size(), 3u);
}

TEST_P(ScheduleTest, a_test_clock_follows_the_one_of_another_process_and_never_goes_back) {
  AccountStep step("only", 1);
  TestClock mine(*db, instant("2027-01-01T00:00:00Z"));
  TestClock theirs(*db, instant("2027-01-01T00:00:00Z"));
  ASSERT_TRUE(theirs.jump_to(instant("2027-01-05T00:00:00Z")).ok());
  EXPECT_EQ(mine.now(), instant("2027-01-01T00:00:00Z"));
  auto scheduler = Scheduler::create(*db, mine, {daily()}, {{"daily", {&step}}}, options).value();
  EXPECT_EQ(mine.advance_to(instant("2027-01-03T00:00:00Z"), *scheduler, [] { return std::nullopt; }).error().code,
            "clock_goes_forward_only");
  EXPECT_EQ(mine.now(), instant("2027-01-05T00:00:00Z"));
  EXPECT_FALSE(mine.refresh());
}

TEST_P(ScheduleTest, a_run_is_left_to_those_whose_clock_has_reached_its_instant) {
  AccountStep step("only", 1);
  make({&step})->run_due();
  clock.set("2027-01-01T03:00:00Z");
  test::ManualClock slow("2027-01-01T02:55:00Z");
  auto ahead = make({&step});
  auto behind = Scheduler::create(*db, slow, {daily()}, {{"daily", {&step}}}, options).value();
  step.before_chunk = [] { throw storage::StorageError("the connection is gone", true); };
  EXPECT_THROW(ahead->run_due(), storage::StorageError);
  step.before_chunk = [] {};
  real_time.advance(minutes(5));
  EXPECT_EQ(behind->run_due().done, 0);
  slow.set("2027-01-01T03:00:00Z");
  EXPECT_EQ(behind->run_due().done, 1);
}

TEST_P(ScheduleTest, the_test_clock_lives_through_each_instant_and_is_kept) {
  AccountStep step("only", 1);
  std::vector<Instant> drained;
  {
    TestClock moved(*db, instant("2027-01-01T00:00:00Z"));
    auto scheduler = Scheduler::create(*db, moved, {daily()}, {{"daily", {&step}}}, options).value();
    const auto drain = [&]() -> std::optional<Instant> {
      drained.push_back(moved.now());
      const Instant also = instant("2027-01-02T03:00:30Z");
      return moved.now() < also ? std::optional(also) : std::nullopt;
    };
    ASSERT_TRUE(moved.advance_to(instant("2027-01-03T12:00:00Z"), *scheduler, drain).ok());
    EXPECT_EQ(moved.advance_to(instant("2027-01-02T00:00:00Z"), *scheduler, [] { return std::nullopt; }).error().code,
              "clock_goes_forward_only");
    EXPECT_FALSE(moved.jump_to(instant("2027-01-02T00:00:00Z")).ok());
  }
  EXPECT_EQ(drained, (std::vector<Instant>{instant("2027-01-01T00:00:00Z"), instant("2027-01-01T03:00:00Z"),
                                           instant("2027-01-02T03:00:00Z"), instant("2027-01-02T03:00:30Z"),
                                           instant("2027-01-03T03:00:00Z"), instant("2027-01-03T12:00:00Z")}));
  for (const auto& context : step.seen) EXPECT_EQ(context.now, context.scheduled_at);
  for (const auto& run : runs()) EXPECT_FALSE(run.catch_up);
  db.reopen();
  TestClock again(*db, instant("2000-01-01T00:00:00Z"));
  EXPECT_EQ(again.now(), instant("2027-01-03T12:00:00Z"));
}

TEST_P(ScheduleTest, the_background_thread_runs_what_is_due_and_what_is_asked_for) {
  AccountStep step("only");
  std::mutex mutex;
  std::condition_variable changed;
  int after = 0;
  options.after_run = [&](const RunContext&) {
    const std::scoped_lock lock(mutex);
    ++after;
    changed.notify_all();
  };
  auto scheduler = make({&step});
  scheduler->run_due();
  clock.set("2027-01-01T04:00:00Z");
  scheduler->start();
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return after == 1; }));
  lock.unlock();
  const auto asked = scheduler->request_run("daily");
  ASSERT_TRUE(asked.ok()) << asked.error().detail;
  lock.lock();
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return after == 2; }));
  lock.unlock();
  scheduler->stop();
  EXPECT_EQ(work("only", "2027-01-01T03:00:00Z"), accounts_to(10));
  EXPECT_EQ(work("only", "2027-01-01T04:00:00Z"), accounts_to(10));
}

TEST_P(ScheduleTest, refuses_jobs_it_cannot_run) {
  AccountStep step("only");
  settings::Job job = daily();
  job.cron = "0 25 * * *";
  const auto bad_cron = Scheduler::create(*db, clock, {job}, {{"daily", {&step}}}, options);
  ASSERT_FALSE(bad_cron.ok());
  EXPECT_NE(bad_cron.error().detail.find("job daily: hour field, column 3"), std::string::npos);
  EXPECT_EQ(Scheduler::create(*db, clock, {daily()}, {}, options).error().code, "job_without_steps");
}

TEST_P(ScheduleTest, tells_of_its_jobs) {
  AccountStep step("only");
  auto scheduler = make({&step});
  scheduler->run_due();
  clock.set("2027-01-01T03:00:00Z");
  scheduler->run_due();
  const auto job = scheduler->job("daily").value();
  EXPECT_EQ(job.cron, "0 19 * * *");
  EXPECT_EQ(job.timezone, "America/Los_Angeles");
  EXPECT_EQ(job.next_at, instant("2027-01-02T03:00:00Z"));
  ASSERT_TRUE(job.last);
  ASSERT_EQ(job.last->steps.size(), 1u);
  EXPECT_EQ(job.last->steps[0].counts, (Counts{{"accounts", 10}}));
  EXPECT_EQ(job.last->steps[0].chunks, 3);
  EXPECT_EQ(job.open, 0);
  EXPECT_EQ(scheduler->job("nightly").error().code, "no_such_job");
  EXPECT_EQ(scheduler->jobs().size(), 1u);
  EXPECT_TRUE(db->read([](storage::Connection& c) {
                  return list_runs(c, "daily", instant("2027-01-01T03:00:00Z"), 10);
                }).empty());
}

}  // namespace
}  // namespace bursar::scheduler
