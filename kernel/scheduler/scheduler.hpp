// Runs jobs at their scheduled instants, each instant exactly once, also with several processes on one database.
//
// A scheduled instant is a row with the unique key (job, instant). Rows are planned from where planning stopped last
// (never twice, whatever the clock does), and executed in order: a job's run waits for the earlier ones. A run is held
// by a lease with a fence that every chunk's transaction checks and renews, so a process that was paused past its lease
// can change nothing. After a kill the run goes on at its stored cursor: at once where the process has provably ended
// (the only one on SQLite, one of the same machine elsewhere), else after the lease. See docs/design/scheduler.md.
//
// Leases and retries live by real time (`lease_clock`), schedules by the clock handed in, which may be a test clock.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "scheduler/breaker.hpp"
#include "scheduler/cron.hpp"
#include "scheduler/execution.hpp"
#include "scheduler/runs.hpp"
#include "scheduler/step.hpp"
#include "scheduler/store.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler {

struct Options {
  int chunk_accounts = 1000;
  Duration lease = seconds(60);
  Duration longest_sleep = seconds(30);  // a clock that jumps is noticed this soon
  const Clock* lease_clock = nullptr;    // default: the system's
  // Called after a run's last step is done or held, outside any transaction; wakes the effect workers.
  std::function<void(const RunContext&)> after_run = {};
  settings::Breaker breaker = {};
  HoldListener* hold_listener = nullptr;
};

struct JobStatus {
  std::string name;
  std::string cron;
  std::string timezone;
  bool catch_up = true;
  std::optional<Instant> next_at = {};
  std::optional<RunStatus> last = {};  // the latest planned run that is under way or over
  std::optional<RunStatus> held = {};  // the latest run that waits for an approval
  std::int64_t open = 0;               // planned runs that are not over
};

// What one call of run_due() did.
struct DueReport {
  int done = 0;
  int held = 0;
  int failed = 0;
  int held_elsewhere = 0;  // jobs whose next open run another process holds
  int to_retry = 0;        // jobs whose next open run has failed and waits for its next try
};

class Scheduler {
 private:
  struct Job {
    settings::Job settings;
    CronExpression cron;
    std::vector<Step*> steps;
  };
  struct Checked {};  // only create() has checked what the constructor takes

 public:
  Scheduler(Checked checked, storage::Database& db, const Clock& clock, std::vector<Job> jobs, Options options);
  // The steps belong to the caller and outlive the scheduler. Errors: a cron expression that does not parse (the
  // place is the job's name), a job without steps.
  static Result<std::unique_ptr<Scheduler>> create(storage::Database& db, const Clock& clock,
                                                   const std::vector<settings::Job>& jobs,
                                                   const std::map<std::string, std::vector<Step*>>& steps,
                                                   Options options = {});
  ~Scheduler();  // stops
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // The background thread: runs what is due, then sleeps until the next instant or wake().
  void start();
  // Ends after the chunk under way and gives its run back. Idempotent.
  void stop();
  void wake();

  // Plans and executes all that is due now, on this thread. One caller at a time works; others wait.
  // Throws StorageError where the store fails for the moment; nothing is lost by it.
  DueReport run_due();

  // Executes one run at the given instant (present or past), made where there is none yet. Errors: "no_such_job",
  // "run_in_future", "run_already_done", "run_skipped", "run_held" (by another process), "run_awaits_approval",
  // "run_failed".
  Result<RunStatus> run_job_at(std::string_view job, Instant at);
  // Plans a run for this very instant and wakes the background thread. Answers the run.
  Result<RunStatus> request_run(std::string_view job);

  // Lets a held run go on, or ends it without its held steps; `also` acts in the same transaction. Errors: not_found
  // "no_such_job", conflict "run_not_held".
  Result<RunStatus> decide(std::string_view job, const Approval& approval,
                           const std::function<void(storage::Transaction&)>& also);

  // What all runs of a job up to `at` would do, in a transaction that is thrown away. `begin` is called in it first (a
  // failed attempt is begun again), `report` reads the outcome from it. Accounts that a step cannot handle are left out
  // as they would be. Answers the runs with their counts. Errors: "no_such_job", "preview_failed".
  Result<std::vector<RunStatus>> preview(Instant at, std::string_view job,
                                         const std::function<void(storage::Transaction&)>& report,
                                         const std::function<void(storage::Transaction&)>& begin = {});

  [[nodiscard]] std::vector<JobStatus> jobs();
  Result<JobStatus> job(std::string_view name);
  // The first scheduled instant of any job after `after`.
  [[nodiscard]] std::optional<Instant> next_instant(Instant after) const;

 private:
  [[nodiscard]] const Job* find_job(std::string_view name) const;
  [[nodiscard]] Occurrence occurrence_at(const Job& job, Instant at) const;
  void plan(const Job& job, Instant now);
  bool plan_some(const Job& job, Instant now);
  // Plans nothing; where so many days were missed that staff must approve, holds the first run.
  bool may_catch_up(storage::Transaction& tx, const Job& job, const Occurrence& first, Instant since,
                    Instant now) const;
  void execute_open(const Job& job, DueReport& report);
  [[nodiscard]] bool may_take(const store::OpenRun& run) const;
  // Nothing if somebody else was faster.
  std::optional<Outcome> take_and_execute(const Job& job, const store::OpenRun& run);
  Result<store::OpenRun> plan_run_at(const Job& job, Instant at);
  [[nodiscard]] RunStatus run_status(RunId id);
  [[nodiscard]] JobStatus status_of(const Job& job);
  void loop();

  storage::Database& db_;
  const Clock& clock_;
  const SystemClock system_clock_;
  std::vector<Job> jobs_;
  Options options_;
  std::string owner_;

  std::mutex work_;  // held by the one caller that plans and executes
  std::mutex state_;
  std::condition_variable changed_;
  std::atomic<bool> stopping_ = false;
  bool woken_ = false;
  std::thread thread_;
};

}  // namespace bursar::scheduler
