// What is known of runs, as the API and the CLI show it. All of it is read from the store, so any process may ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "scheduler/step.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler {

struct StepStatus {
  std::string name;
  bool done = false;
  Counts counts;
  std::int64_t chunks = 0;
  std::int64_t parked = 0;  // accounts left out with their reason
  Instant started_at;
  std::optional<Instant> finished_at = {};
};

// What the breaker found of a step before it began.
struct StepCheck {
  std::string step;
  std::string kind;
  std::string objects;
  std::int64_t reach = 0;
  std::optional<std::int64_t> bound = {};
  std::string verdict;  // passed, held, approved, rejected, lapsed
  std::string reason = {};
  Instant checked_at = {};
  std::optional<Instant> decided_at = {};
  UserId decided_by = {};
  std::string decision_reason = {};
};

struct RunStatus {
  RunId id;
  std::string job;
  Instant scheduled_at;
  CivilDate date;
  std::string status;  // waiting, running, held, done, failed, skipped
  bool catch_up = false;
  std::string step;                      // the step under way
  std::string error;                     // of a failed run
  std::optional<Instant> retry_at = {};  // of a failed run that will be tried again
  std::optional<Instant> started_at = {};
  std::optional<Instant> finished_at = {};
  std::vector<StepStatus> steps = {};  // those begun, in order
  std::vector<StepCheck> checks = {};
};

struct ParkedAccount {
  std::string step;
  AccountId account;
  std::string reason;
  Instant parked_at;
};

std::optional<RunStatus> find_run(storage::Connection& db, RunId id);
// Newest first; `before`: the scheduled instant of the last run of the page before.
std::vector<RunStatus> list_runs(storage::Connection& db, std::string_view job, std::optional<Instant> before,
                                 int limit);
// The latest run that is not just waiting.
std::optional<RunStatus> last_begun_run(storage::Connection& db, std::string_view job);
// Runs that are not over: waiting, running, or failed and to be tried again.
std::int64_t open_run_count(storage::Connection& db, std::string_view job);
std::vector<ParkedAccount> parked_accounts(storage::Connection& db, RunId run);

}  // namespace bursar::scheduler
