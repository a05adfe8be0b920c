// Goal: a step that would reach more than is usual does nothing until a person approves of it; then exactly that run
// goes on. Method: steps that write a row for each account, whose key refuses work done twice.
#include "scheduler/breaker.hpp"

#include <thread>

#include "fixture.hpp"

namespace bursar::scheduler {
namespace {

class Listener final : public HoldListener {
 public:
  void held(storage::Transaction&, const RunContext& run, const std::vector<StepCheck>& checks) override {
    told.push_back("held " + run.date.to_string());
    for (const StepCheck& check : checks) {
      if (check.verdict == "held") told.back() += " " + check.step + " " + std::to_string(check.reach);
    }
  }
  void decided(storage::Transaction&, RunId, UserId, Instant) override { told.emplace_back("decided"); }
  std::vector<std::string> told;
};

class BreakerTest : public SchedulerTest {
 protected:
  BreakerTest() {
    suspension.reaches = Reach{"suspend", "services"};
    termination.reaches = Reach{"terminate", "services"};
    options.breaker.suspend.share = options.breaker.terminate.share = std::nullopt;
    options.breaker.suspend.times_recent = options.breaker.terminate.times_recent = std::nullopt;
    options.breaker.suspend.count = 15;
    options.hold_listener = &listener;
    scheduler = make(all());
    scheduler->run_due();
  }
  std::vector<Step*> all() { return {&invoices, &suspension, &termination, &housekeeping}; }
  RunStatus next_day() {
    clock.advance(days(1));
    scheduler->run_due();
    return runs().at(0);
  }
  Result<RunStatus> decide(const RunStatus& run, bool approve) {
    auto decided = scheduler->decide("daily", {.run = run.id, .approve = approve, .reason = "as planned"},
                                     [](storage::Transaction&) {});
    scheduler->run_due();
    return decided;
  }
  std::vector<std::int64_t> work_of(const RunStatus& run, std::string_view step) {
    return work(step, run.scheduled_at.to_string());
  }
  static std::string verdict(const RunStatus& run, std::string_view step) {
    for (const StepCheck& check : run.checks) {
      if (check.step == step) return check.verdict;
    }
    return "";
  }

  AccountStep invoices{"invoices"};
  AccountStep suspension{"suspension", 20, false};
  AccountStep termination{"termination", 3, false};
  AccountStep housekeeping{"housekeeping", 5};
  Listener listener;
  std::unique_ptr<Scheduler> scheduler;
};
INSTANTIATE_TEST_SUITE_P(Backends, BreakerTest, test::backends());

TEST_P(BreakerTest, beyond_its_limit_a_step_does_nothing_and_approval_resumes_exactly_that_run) {
  const RunStatus held = next_day();
  EXPECT_EQ(held.status, "held");
  EXPECT_EQ(work_of(held, "invoices"), accounts_to(10));
  EXPECT_TRUE(work_of(held, "suspension").empty());
  EXPECT_TRUE(work_of(held, "termination").empty()) << "what presses customers waits with it";
  EXPECT_EQ(work_of(held, "housekeeping"), accounts_to(5)) << "the rest goes on";
  EXPECT_EQ(verdict(held, "suspension"), "held");
  EXPECT_EQ(verdict(held, "termination"), "passed");
  ASSERT_TRUE(scheduler->job("daily")->held);
  EXPECT_EQ(scheduler->job("daily")->held->id, held.id);
  EXPECT_NE(held.checks.at(0).reason.find("20 services"), std::string::npos) << held.checks.at(0).reason;
  scheduler->run_due();
  EXPECT_EQ(listener.told, std::vector<std::string>{"held 2026-12-31 suspension 20"}) << "told once";

  ASSERT_TRUE(decide(held, true).ok());
  const RunStatus done = runs().at(0);
  EXPECT_EQ(done.id, held.id);
  EXPECT_EQ(done.status, "done");
  EXPECT_EQ(verdict(done, "suspension"), "approved");
  EXPECT_EQ(work_of(done, "suspension"), accounts_to(20));
  EXPECT_EQ(work_of(done, "termination"), accounts_to(3));
  EXPECT_FALSE(scheduler->job("daily")->held);
  EXPECT_EQ(decide(held, true).error().code, "run_not_held");
  EXPECT_EQ(listener.told.back(), "decided");
}

TEST_P(BreakerTest, rejection_leaves_nothing_done) {
  const RunStatus held = next_day();
  ASSERT_TRUE(decide(held, false).ok());
  EXPECT_EQ(runs().at(0).status, "done");
  EXPECT_EQ(verdict(runs().at(0), "suspension"), "rejected");
  EXPECT_TRUE(work_of(held, "suspension").empty());
  EXPECT_EQ(scheduler->run_job_at("daily", held.scheduled_at).error().code, "run_already_done");
}

TEST_P(BreakerTest, the_next_run_takes_the_work_over_and_is_looked_at_anew) {
  const RunStatus first = next_day();
  EXPECT_EQ(scheduler->run_job_at("daily", first.scheduled_at).error().code, "run_awaits_approval");
  const RunStatus second = next_day();
  EXPECT_EQ(second.status, "held");
  EXPECT_EQ(runs().at(1).status, "done");
  EXPECT_EQ(verdict(runs().at(1), "suspension"), "lapsed");
  EXPECT_EQ(decide(first, true).error().code, "run_not_held");
  suspension.set_accounts(15);
  EXPECT_EQ(next_day().status, "done") << "up to the limit nobody is asked";
  EXPECT_TRUE(work_of(second, "suspension").empty());
}

TEST_P(BreakerTest, an_approved_run_presses_even_when_the_next_instant_has_come_meanwhile) {
  const RunStatus held = next_day();
  ASSERT_TRUE(
      scheduler
          ->decide("daily", {.run = held.id, .approve = true, .reason = "as planned"}, [](storage::Transaction&) {})
          .ok());
  suspension.set_accounts(2);
  next_day();
  EXPECT_EQ(work_of(held, "suspension"), accounts_to(2));
}

TEST_P(BreakerTest, a_share_of_all_counts_from_the_minimum_on) {
  options.breaker.suspend.count = std::nullopt;
  options.breaker.suspend.share = Ratio{10, 100};
  options.breaker.suspend.minimum = 20;
  scheduler = make(all());
  suspension.all = 100;
  EXPECT_EQ(next_day().status, "done") << "20 of 100, and 20 are too few to ask for";
  suspension.set_accounts(21);
  const RunStatus held = next_day();
  EXPECT_EQ(held.status, "held");
  EXPECT_EQ(held.checks.at(0).bound, 20);
  suspension.all = 210;
  EXPECT_EQ(next_day().status, "done");
}

TEST_P(BreakerTest, far_more_than_the_recent_runs_is_held_once_there_is_a_month_of_them) {
  options.breaker.suspend.count = std::nullopt;
  options.breaker.suspend.times_recent = 3;
  options.breaker.suspend.minimum = 0;
  scheduler = make(all());
  suspension.set_accounts(4);
  for (int i = 0; i < 31; ++i) ASSERT_EQ(next_day().status, "done");
  suspension.set_accounts(20);
  EXPECT_EQ(next_day().status, "done") << "the first of the first month: nothing is usual yet";
  suspension.set_accounts(60);
  EXPECT_EQ(next_day().status, "done") << "three times the 20 of the largest";
  suspension.set_accounts(181);
  const RunStatus held = next_day();
  EXPECT_EQ(held.status, "held");
  EXPECT_EQ(held.checks.at(0).bound, 180);
}

TEST_P(BreakerTest, the_defaults_ask_neither_a_small_provider_nor_for_the_first_charges) {
  options.breaker = {};
  AccountStep charges{"autopay", 600, false};
  charges.reaches = Reach{"charge", "invoices"};
  scheduler = make({&charges, &suspension});
  suspension.all = 50;
  suspension.set_accounts(50);
  EXPECT_EQ(next_day().status, "done") << "each of fifty services, and six hundred charges without a run before";
  suspension.all = 500;
  suspension.set_accounts(51);
  EXPECT_EQ(next_day().status, "held") << "more than fifty, and more than a tenth";
  suspension.all = 510;
  EXPECT_EQ(next_day().status, "done");
}

TEST_P(BreakerTest, an_approval_is_for_what_was_shown) {
  const RunStatus held = next_day();
  suspension.set_accounts(200);
  ASSERT_TRUE(decide(held, true).ok());
  const RunStatus again = runs().at(0);
  EXPECT_EQ(again.id, held.id);
  EXPECT_EQ(again.status, "held") << "twenty were approved, not two hundred";
  EXPECT_TRUE(work_of(held, "suspension").empty());
  ASSERT_EQ(listener.told.size(), 3U);
  EXPECT_EQ(listener.told.back(), "held 2026-12-31 suspension 200");
  ASSERT_TRUE(decide(again, true).ok());
  EXPECT_EQ(work_of(held, "suspension"), accounts_to(200));
}

TEST_P(BreakerTest, an_approved_run_is_not_skipped_where_missed_instants_are) {
  scheduler = make(all(), daily(false));
  const RunStatus held = next_day();
  ASSERT_TRUE(
      scheduler
          ->decide("daily", {.run = held.id, .approve = true, .reason = "as planned"}, [](storage::Transaction&) {})
          .ok());
  clock.advance(days(2));
  scheduler->run_due();
  EXPECT_EQ(work_of(held, "suspension"), accounts_to(20));
}

TEST_P(BreakerTest, several_servers_hold_a_run_once_and_resume_it_once) {
  const auto other = make(all());
  const auto both = [&] {
    std::thread beside([&] { other->run_due(); });
    scheduler->run_due();
    beside.join();
    scheduler->run_due();
  };
  clock.advance(days(1));
  both();
  ASSERT_EQ(listener.told.size(), 1U);
  const RunStatus held = runs().at(0);
  ASSERT_EQ(held.status, "held");
  ASSERT_TRUE(
      other->decide("daily", {.run = held.id, .approve = true, .reason = "x"}, [](storage::Transaction&) {}).ok());
  both();
  EXPECT_EQ(runs().at(0).status, "done");
  EXPECT_EQ(work_of(held, "suspension"), accounts_to(20));
}

TEST_P(BreakerTest, an_approved_run_that_is_cut_off_goes_on_where_it_was) {
  const RunStatus held = next_day();
  suspension.before_account = [](std::int64_t account) {
    if (account == 11) throw storage::StorageError("the connection is gone", true);
  };
  EXPECT_THROW((void)decide(held, true), storage::StorageError);
  EXPECT_EQ(work_of(held, "suspension").size(), 8U) << "two chunks of four";
  suspension.before_account = [](std::int64_t) {};
  scheduler->run_due();
  EXPECT_EQ(work_of(held, "suspension"), accounts_to(20));
  EXPECT_EQ(runs().at(0).status, "done");
}

class MissedDaysTest : public BreakerTest {
 protected:
  MissedDaysTest() {
    options.breaker.suspend.count = std::nullopt;
    scheduler = make(all());
  }
  RunStatus after(int missed_days) {
    clock.advance(days(missed_days));
    scheduler->run_due();
    return runs().back();
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, MissedDaysTest, test::backends());

TEST_P(MissedDaysTest, so_many_are_caught_up_only_when_staff_approve) {
  const RunStatus held = after(40);
  scheduler->run_due();
  EXPECT_EQ(runs().size(), 1U) << "nothing is planned";
  EXPECT_EQ(held.status, "held");
  EXPECT_EQ(held.checks.at(0).objects, "days");
  EXPECT_TRUE(invoices.seen.empty());
  EXPECT_EQ(listener.told, std::vector<std::string>{"held 2026-12-31 catch_up 40"}) << "told once";
  EXPECT_EQ(scheduler->request_run("daily").error().code, "run_awaits_approval");
  EXPECT_EQ(decide(held, false).error().code, "missed_days_stand");
  ASSERT_TRUE(decide(held, true).ok());
  const auto all = runs();
  EXPECT_EQ(all.size(), 40U);
  for (const RunStatus& run : all) EXPECT_EQ(run.status, "done");
  EXPECT_EQ(work_of(held, "invoices"), accounts_to(10));
  EXPECT_TRUE(work_of(held, "suspension").empty()) << "customers are pressed by the latest alone";
  EXPECT_EQ(work_of(all.front(), "suspension"), accounts_to(20));
}

TEST_P(MissedDaysTest, fewer_are_caught_up_unasked) {
  EXPECT_EQ(after(31).status, "done");
  EXPECT_EQ(runs().size(), 31U);
}

TEST_P(MissedDaysTest, a_clock_that_jumped_ten_years_does_nothing_and_goes_on_once_it_is_right) {
  const Instant right = clock.now();
  EXPECT_EQ(after(3650).status, "held");
  clock.set(right + days(1));
  scheduler->run_due();
  ASSERT_EQ(runs().size(), 1U);
  EXPECT_EQ(runs().at(0).status, "done");
  EXPECT_EQ(work_of(runs().at(0), "suspension"), accounts_to(20));
  EXPECT_EQ(listener.told.back(), "decided") << "nobody needs to look into it any more";
  EXPECT_EQ(after(1).status, "done");
  EXPECT_EQ(runs().size(), 2U);
}

TEST_P(MissedDaysTest, a_job_that_makes_up_for_nothing_asks_too) {
  scheduler = make(all(), daily(false));
  const RunStatus held = after(40);
  EXPECT_EQ(held.status, "held");
  ASSERT_TRUE(decide(held, true).ok());
  EXPECT_EQ(runs().front().status, "done");
}

TEST_P(BreakerTest, a_preview_foresees_that_a_run_will_be_held) {
  const auto foreseen = scheduler->preview(clock.now() + days(1), "daily", [](storage::Transaction&) {});
  ASSERT_TRUE(foreseen.ok());
  EXPECT_EQ(foreseen->at(0).status, "held");
  EXPECT_EQ(next_day().status, "held");
}

}  // namespace
}  // namespace bursar::scheduler
