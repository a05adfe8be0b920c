// The breaker: a step that would reach far more than is usual waits for a person, before it does anything. A slip in
// the configuration then costs an approval, not the customers.
//
// What a step is about to reach is counted through the index it works by, once a run, and stored; the counts of the
// runs before are the measure of what is usual. Where a limit is passed the run is held: the steps that press
// customers wait with the step at fault, the others go on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "scheduler/runs.hpp"
#include "scheduler/step.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler {

// Who is told, inside the transaction that decides.
class HoldListener {
 public:
  virtual ~HoldListener() = default;
  virtual void held(storage::Transaction& tx, const RunContext& run, const std::vector<StepCheck>& checks) = 0;
  // Approved, rejected, or left behind by a later run.
  virtual void decided(storage::Transaction& tx, RunId run, UserId by, Instant now) = 0;
};

struct Approval {
  RunId run;
  bool approve = false;
  std::string reason = {};
  UserId by = {};
};

namespace breaker {

// Many days without a run are an outage that staff know of, or a clock that is wrong and would bill years: then nothing
// is planned, and the first missed run is held until staff approve (rejecting it is refused) or the clock is right.
bool is_too_long(const settings::Breaker& limits, std::int64_t missed_days);
void hold_back(storage::Transaction& tx, const settings::Breaker& limits, const RunContext& first,
               std::int64_t missed_days, HoldListener* listener);
bool waits_to_catch_up(storage::Connection& c, std::string_view job);
bool may_catch_up(storage::Connection& c, std::string_view job);  // staff approved, and it has not begun
// The clock is right again: what was held for it waits for its time as any other.
void stop_waiting(storage::Transaction& tx, std::string_view job, Instant now, HoldListener* listener);

// Looks at a step that has not begun and stores what was found. Answers whether it may begin.
bool may_begin(storage::Transaction& tx, const settings::Breaker& limits, const Step& step, const RunContext& run);

std::vector<StepCheck> checks_of(storage::Connection& c, RunId run);          // oldest first
std::optional<RunId> held_run(storage::Connection& c, std::string_view job);  // the latest

// Leaves a run of which some steps are held, for a person. Answers whether the fence still holds.
bool hold(storage::Transaction& tx, const RunContext& run, std::int64_t fence, HoldListener* listener);
// Held runs before `at` are over without their held steps: a later one looks for what is due, and so does their work.
void lapse(storage::Transaction& tx, std::string_view job, Instant at, Instant now, HoldListener* listener);
// Errors: conflict run_not_held, missed_days_stand (such a run is not rejected).
Status decide(storage::Transaction& tx, std::string_view job, const Approval& approval, Instant now,
              HoldListener* listener);
// Whether a person let the run go on: it presses even where a later run is planned by now.
bool is_approved(storage::Connection& c, RunId run);

}  // namespace breaker
}  // namespace bursar::scheduler
