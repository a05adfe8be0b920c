// The rows behind runs. Private to this folder; every statement about scheduler tables is in store.cpp and runs.cpp.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "scheduler/cron.hpp"
#include "scheduler/step.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler::store {

std::optional<Instant> considered_until(storage::Connection& db, std::string_view job);
// Moves forward only; makes the job's row where there is none.
void set_considered_until(storage::Transaction& tx, std::string_view job, Instant until);

enum class Planned { waiting, catching_up, skipped };
// Nothing happens where the instant has its run already.
void insert_run(storage::Transaction& tx, std::string_view job, const Occurrence& occurrence, Planned planned,
                Instant now);
// The earlier runs of a job that missed ones are left out of: those not begun.
void skip_waiting(storage::Transaction& tx, std::string_view job, Instant now);

// A run that is not over: waiting, running, or failed and to be tried again.
struct OpenRun {
  RunId id;
  Occurrence occurrence;
  std::string status;
  bool catch_up = false;
  std::string owner;  // empty: nobody
  std::int64_t fence = 0;
  std::optional<Instant> lease_until;
};
std::optional<OpenRun> first_open_run(storage::Connection& db, std::string_view job);
std::optional<OpenRun> run_at(storage::Connection& db, std::string_view job, Instant at);
bool has_later_run(storage::Connection& db, std::string_view job, Instant at);
void give_up(storage::Transaction& tx, const OpenRun& run);

struct Claim {
  std::int64_t fence = 0;
  bool catch_up = false;
};
// Takes the run for `owner`; nothing if it is no longer as `seen`. A run behind which a later one is planned by now
// becomes a catch-up run.
std::optional<Claim> claim(storage::Transaction& tx, std::string_view job, const OpenRun& seen, std::string_view owner,
                           Instant lease_until, Instant now);
// Each answers whether the fence still holds; if not, nothing is changed and the transaction must not be committed.
bool renew(storage::Transaction& tx, RunId run, std::int64_t fence, Instant lease_until, std::string_view step);
bool finish(storage::Transaction& tx, RunId run, std::int64_t fence, Instant now);
bool fail(storage::Transaction& tx, RunId run, std::int64_t fence, std::string_view error, Instant now,
          Instant retry_at);
bool release(storage::Transaction& tx, RunId run, std::int64_t fence);

struct Progress {
  bool begun = false;
  bool done = false;
  std::string cursor;
  Counts counts;
  std::int64_t chunks = 0;
  Instant started_at;
};
Progress load_progress(storage::Connection& db, RunId run, std::string_view step);
void save_progress(storage::Transaction& tx, RunId run, std::string_view step, std::int64_t position,
                   const Progress& progress, Instant now);
// What `progress` becomes when a chunk has answered `result`.
Progress after_chunk(Progress progress, const ChunkResult& result, Instant now);

std::set<AccountId> load_parked(storage::Connection& db, RunId run, std::string_view step);
void park(storage::Transaction& tx, RunId run, std::string_view step, AccountId account, std::string_view reason,
          Instant now);

std::string counts_text(const Counts& counts);
Counts parse_counts(std::string_view text);

}  // namespace bursar::scheduler::store
