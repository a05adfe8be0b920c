// A job is a list of steps; a step works in chunks, each in one transaction together with the run's progress, so that a
// killed run goes on where it was. The scheduler knows no domain: domains hand it their steps.
//
// A step must be idempotent by its own unique keys, find its work through an index on what is *due*, in a stable order,
// and record outside acts as effects instead of performing them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/id.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler {

// What the run is about. `date` is the civil date of the scheduled instant in the job's zone: the day the run stands
// for. `now` is the clock; after downtime it lies days behind `scheduled_at`'s successors, and then catch_up is true
// for every run but the latest: acts that press a customer (reminders, fees, charges, suspension) wait for that one.
struct RunContext {
  RunId run;
  std::string job;
  Instant scheduled_at;
  CivilDate date;
  Instant now;
  bool catch_up = false;
};

using Counts = std::map<std::string, std::int64_t, std::less<>>;  // "invoices" -> 412

struct ChunkRequest {
  std::string cursor;                           // "" at first; then what the last chunk answered
  int max_accounts = 1000;                      // 1 while the scheduler looks for the account at fault
  const std::set<AccountId>* parked = nullptr;  // leave these out
  // The step names each account before it works on it alone (max_accounts == 1), so that a failure can be laid to it.
  AccountId* working_on = nullptr;
};

struct ChunkResult {
  std::string cursor;  // where the next chunk begins
  bool finished = false;
  Counts counts;  // of this chunk; the scheduler adds them up
};

// What a step acts on, for the breaker (scheduler/breaker.hpp).
struct Reach {
  std::string_view kind;     // its section under scheduler.breaker: "suspend"
  std::string_view objects;  // "services"
};

class Step {
 public:
  virtual ~Step() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  // Whether it runs in catch-up runs that are not the latest.
  [[nodiscard]] virtual bool runs_in_catch_up() const { return true; }
  // None: nobody needs to approve of it, whatever it finds.
  [[nodiscard]] virtual std::optional<Reach> reach() const { return std::nullopt; }
  // How many objects it would act on in this run, and how many there are: from indexes, in one query each.
  [[nodiscard]] virtual std::int64_t count_reached(storage::Connection& /*c*/, const RunContext& /*run*/) const {
    return 0;
  }
  [[nodiscard]] virtual std::int64_t count_all(storage::Connection& /*c*/) const { return 0; }
  // Called inside the chunk's transaction; an exception rolls the chunk back. May be called again with the same
  // request (conflict, kill), so it keeps no state of its own.
  virtual ChunkResult run_chunk(storage::Transaction& tx, const RunContext& run, const ChunkRequest& request) = 0;
};

}  // namespace bursar::scheduler
