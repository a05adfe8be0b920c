// Goal: a run that is killed, paused or hits a bad account ends as one that was not.
#include <thread>

#include "base/process.hpp"
#include "scheduler/pace.hpp"
#include "storage/foreground.hpp"
#include "unit/scheduler/fixture.hpp"

namespace bursar::scheduler {
namespace {

class RunTest : public SchedulerTest {
 protected:
  void begin(std::vector<Step*> steps) {
    make(std::move(steps))->run_due();
    clock.set("2027-01-01T03:00:00Z");
  }
  // Leaves the first run half done, held by `owner`.
  void abandon(AccountStep& step, const std::string& owner) {
    begin({&step});
    int handled = 0;
    step.before_account = [&](std::int64_t) {
      if (++handled == 6) throw storage::StorageError("the connection is gone", true);
    };
    EXPECT_THROW(make({&step})->run_due(), storage::StorageError);
    step.before_account = [](std::int64_t) {};
    db->write("rename_owner", [&](storage::Transaction& tx) {
      EXPECT_EQ(tx.execute("UPDATE scheduler_runs SET owner = $1 WHERE status = 'running'", owner + "/1"), 1);
    });
  }
  static constexpr const char* first_run = "2027-01-01T03:00:00Z";
};
INSTANTIATE_TEST_SUITE_P(Backends, RunTest, test::backends());

storage::StorageError gone() { return {"the connection is gone", true}; }

TEST_P(RunTest, goes_on_at_its_stored_cursor_after_being_cut_off_anywhere) {
  for (int kill_at = 1; kill_at <= 20; ++kill_at) {
    AccountStep first("first-" + std::to_string(kill_at));
    AccountStep second("second-" + std::to_string(kill_at));
    int handled = 0;
    const auto die = [&](std::int64_t) {
      if (++handled == kill_at) throw gone();
    };
    first.before_account = die;
    second.before_account = die;
    begin({&first, &second});
    clock.advance(days(kill_at));
    auto scheduler = make({&first, &second});
    EXPECT_THROW(scheduler->run_due(), storage::StorageError);
    EXPECT_EQ(scheduler->run_due().done, 1 + (kill_at == 1 ? 1 : 0));
    const auto latest = runs()[0];
    const std::string at = latest.scheduled_at.to_string();
    EXPECT_EQ(latest.status, "done");
    EXPECT_EQ(work(std::string(first.name()), at), accounts_to(10));
    EXPECT_EQ(work(std::string(second.name()), at), accounts_to(10));
    ASSERT_EQ(latest.steps.size(), 2u);
    EXPECT_EQ(latest.steps[1].counts, (Counts{{"accounts", 10}}));
  }
}

TEST_P(RunTest, an_abandoned_run_is_taken_over_when_its_lease_is_over) {
  AccountStep step("only");
  begin({&step});
  int handled = 0;
  step.before_account = [&](std::int64_t) {
    if (++handled == 6) throw gone();
  };
  auto dead = make({&step});
  EXPECT_THROW(dead->run_due(), storage::StorageError);
  auto other = make({&step});
  EXPECT_EQ(other->run_due().held_elsewhere, 1);
  EXPECT_EQ(work("only", first_run), accounts_to(4));
  real_time.advance(seconds(61));
  EXPECT_EQ(other->run_due().done, 1);
  EXPECT_EQ(work("only", first_run), accounts_to(10));
}

TEST_P(RunTest, a_run_of_a_process_that_has_ended_is_taken_over_at_once) {
  AccountStep step("only");
  // This process's number, gone to another since.
  std::string ended = this_process();
  const auto start = ended.find('.', ended.find('.') + 1) + 1;
  abandon(step, ended.replace(start, ended.find('.', start) - start, "1"));
  EXPECT_EQ(make({&step})->run_due().done, 1);
  EXPECT_EQ(work("only", first_run), accounts_to(10));
}

TEST_P(RunTest, a_run_of_a_process_of_another_machine_is_taken_over_at_once_only_under_the_file_lock) {
  AccountStep step("only");
  abandon(step, "elsewhere" + this_process().substr(this_process().find('.')));
  const DueReport report = make({&step})->run_due();
  const bool alone = GetParam() == storage::Backend::sqlite;
  EXPECT_EQ(report.done, alone ? 1 : 0);
  EXPECT_EQ(report.held_elsewhere, alone ? 0 : 1);
}

// Lets another scheduler take the run over and end it while its owner sleeps between two chunks: the owner asks this
// clock for its next lease just before each chunk.
class SleepsOnce final : public Clock {
 public:
  SleepsOnce(test::ManualClock& time, Scheduler& other, const bool& tired)
      : time_(time), other_(other), tired_(tired) {}
  [[nodiscard]] Instant now() const override {
    if (tired_ && !slept_) {
      slept_ = true;
      time_.advance(seconds(61));
      EXPECT_EQ(other_.run_due().done, 1);
    }
    return time_.now();
  }

 private:
  test::ManualClock& time_;
  Scheduler& other_;
  const bool& tired_;
  mutable bool slept_ = false;
};

TEST_P(RunTest, an_owner_paused_past_its_lease_can_change_nothing) {
  AccountStep paused_step("only");
  AccountStep step("only");
  begin({&paused_step});
  auto other = make({&step});
  bool tired = false;
  paused_step.before_account = [&](std::int64_t account) { tired = account == 8; };
  const SleepsOnce lease_clock(real_time, *other, tired);
  options.lease_clock = &lease_clock;
  EXPECT_EQ(make({&paused_step})->run_due().done, 0);
  EXPECT_EQ(work("only", first_run), accounts_to(10));
  const auto run = runs()[0];
  EXPECT_EQ(run.status, "done");
  EXPECT_EQ(run.steps[0].counts, (Counts{{"accounts", 10}}));
}

TEST_P(RunTest, a_bad_account_is_left_out_with_its_reason_and_stops_no_other) {
  AccountStep first("first");
  AccountStep second("second");
  first.before_account = [](std::int64_t account) {
    if (account == 3 || account == 7) throw std::runtime_error("account " + std::to_string(account) + " is bad");
  };
  begin({&first, &second});
  auto scheduler = make({&first, &second});
  EXPECT_EQ(scheduler->run_due().done, 1);
  EXPECT_EQ(work("first", first_run), (std::vector<std::int64_t>{1, 2, 4, 5, 6, 8, 9, 10}));
  EXPECT_EQ(work("second", first_run), accounts_to(10));
  const auto run = runs()[0];
  EXPECT_EQ(run.steps[0].parked, 2);
  EXPECT_EQ(run.steps[0].counts, (Counts{{"accounts", 8}}));
  const auto parked = db->read([&](storage::Connection& c) { return parked_accounts(c, run.id); });
  ASSERT_EQ(parked.size(), 2u);
  EXPECT_EQ(parked[0].account, AccountId(3));
  EXPECT_EQ(parked[0].reason, "account 3 is bad");
  EXPECT_EQ(parked[0].step, "first");
  // The next run tries them again.
  first.before_account = [](std::int64_t) {};
  clock.advance(days(1));
  EXPECT_EQ(scheduler->run_due().done, 1);
  EXPECT_EQ(work("first", "2027-01-02T03:00:00Z"), accounts_to(10));
}

TEST_P(RunTest, a_violated_constraint_is_laid_to_its_account_as_well) {
  AccountStep step("only");
  begin({&step});
  db->write("put_obstacle", [](storage::Transaction& tx) {
    tx.execute("INSERT INTO test_work (scheduled_at, step, account) VALUES ('2027-01-01T03:00:00Z', 'only', 5)");
  });
  EXPECT_EQ(make({&step})->run_due().done, 1);
  EXPECT_EQ(runs()[0].steps[0].parked, 1);
  EXPECT_EQ(work("only", first_run), accounts_to(10));
}

TEST_P(RunTest, a_step_that_cannot_go_on_fails_the_run_which_is_retried_later) {
  AccountStep step("only");
  bool broken = true;
  step.before_chunk = [&] {
    if (broken) throw std::runtime_error("no rules for this step");
  };
  begin({&step});
  auto scheduler = make({&step});
  EXPECT_EQ(scheduler->run_due().failed, 1);
  EXPECT_EQ(runs()[0].status, "failed");
  EXPECT_EQ(runs()[0].error, "only: no rules for this step");
  ASSERT_TRUE(runs()[0].retry_at);
  EXPECT_EQ(scheduler->run_due().to_retry, 1);
  real_time.advance(minutes(1));
  EXPECT_EQ(scheduler->run_due().failed, 1);
  real_time.advance(minutes(1));
  EXPECT_EQ(scheduler->run_due().to_retry, 1) << "the second pause is longer";
  broken = false;
  real_time.advance(minutes(5));
  EXPECT_EQ(scheduler->run_due().done, 1);
  EXPECT_EQ(runs()[0].status, "done");
  EXPECT_EQ(runs()[0].error, "");
}

TEST_P(RunTest, when_every_account_fails_the_step_is_at_fault) {
  AccountStep step("only", 200);
  step.before_account = [](std::int64_t) { throw std::runtime_error("everything is bad"); };
  begin({&step});
  EXPECT_EQ(make({&step})->run_due().failed, 1);
  EXPECT_EQ(runs()[0].status, "failed");
}

TEST_P(RunTest, a_later_run_takes_over_the_work_of_one_that_keeps_failing) {
  AccountStep step("only");
  step.before_chunk = [&] {
    if (step.seen.back().date == CivilDate(2026, 12, 31)) throw std::runtime_error("bad day");
  };
  begin({&step});
  auto scheduler = make({&step});
  EXPECT_EQ(scheduler->run_due().failed, 1);
  clock.advance(days(1));
  EXPECT_EQ(scheduler->run_due().done, 1);
  EXPECT_EQ(runs()[0].status, "done");
  EXPECT_EQ(runs()[1].status, "failed");
  EXPECT_FALSE(runs()[1].retry_at);
  EXPECT_EQ(scheduler->run_due().to_retry, 0);
}

TEST_P(RunTest, a_run_asked_for_by_hand_happens_once) {
  AccountStep step("only");
  begin({&step});
  auto scheduler = make({&step});
  const Instant at = Instant::parse("2027-01-01T01:30:00Z").value();
  const auto done = scheduler->run_job_at("daily", at);
  ASSERT_TRUE(done.ok()) << done.error().detail;
  EXPECT_EQ(done->status, "done");
  EXPECT_EQ(done->date, CivilDate(2026, 12, 31));
  EXPECT_EQ(scheduler->run_job_at("daily", at).error().code, "run_already_done");
  EXPECT_EQ(scheduler->run_job_at("daily", clock.now() + seconds(1)).error().code, "run_in_future");
  EXPECT_EQ(scheduler->run_job_at("weekly", at).error().code, "no_such_job");
  EXPECT_EQ(scheduler->run_due().done, 1) << "the scheduled instant is still to come";
}

TEST_P(RunTest, the_hook_is_called_after_each_run) {
  AccountStep step("only");
  std::vector<Instant> called;
  options.after_run = [&](const RunContext& run) { called.push_back(run.scheduled_at); };
  begin({&step});
  make({&step})->run_due();
  EXPECT_EQ(called, (std::vector<Instant>{Instant::parse(first_run).value()}));
}

TEST_P(RunTest, one_account_a_chunk_works_too) {
  options.chunk_accounts = 1;
  AccountStep step("only");
  step.before_account = [](std::int64_t account) {
    if (account == 2) throw std::runtime_error("bad");
  };
  begin({&step});
  EXPECT_EQ(make({&step})->run_due().done, 1);
  EXPECT_EQ(work("only", first_run), (std::vector<std::int64_t>{1, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_P(RunTest, chunks_that_keep_requests_waiting_get_smaller_until_nobody_waits) {
  options.chunk_accounts = 400;
  AccountStep step("only", 2000);
  std::vector<std::jthread> requests;
  const bool one_writer = db->backend() == storage::Backend::sqlite;
  step.before_chunk = [&] {
    if (requests.size() == 3) return;
    const auto waits = db->foreground_waits();
    requests.emplace_back([&] {
      const storage::ForegroundScope foreground(true);
      db->write("request", [](storage::Transaction&) {});
    });
    while (one_writer && db->foreground_waits() == waits) std::this_thread::yield();
  };
  begin({&step});
  EXPECT_EQ(make({&step})->run_due().done, 1);
  EXPECT_EQ(work("only", first_run), accounts_to(2000));
  // On PostgreSQL they go side by side.
  EXPECT_EQ(step.most_accounts, one_writer ? (std::vector<int>{400, 100, 50, 50, 100, 200, 400, 400, 400})
                                           : (std::vector<int>{400, 400, 400, 400, 400}));
}

TEST(PaceTest, a_run_of_small_chunks_keeps_their_size) {
  Pace pace(20, 7);
  pace.after_chunk(9);
  EXPECT_EQ(pace.accounts(), 20);
  pace.after_chunk(9);
  EXPECT_EQ(pace.accounts(), 20);
}

}  // namespace
}  // namespace bursar::scheduler
