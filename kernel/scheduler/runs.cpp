#include "scheduler/runs.hpp"

#include "scheduler/breaker.hpp"
#include "scheduler/store.hpp"

namespace bursar::scheduler {
namespace {

RunStatus read_run(storage::Rows& rows) {
  RunStatus run{.id = rows.id<RunId>(0),
                .job = rows.string(1),
                .scheduled_at = rows.instant(2),
                .date = rows.date(3),
                .status = rows.string(4),
                .catch_up = rows.boolean(5),
                .step = rows.string(6),
                .error = rows.string(7),
                .started_at = rows.optional_instant(9),
                .finished_at = rows.optional_instant(10)};
  if (run.status == "failed") run.retry_at = rows.optional_instant(8);
  return run;
}

void read_steps(storage::Connection& db, RunStatus& run) {
  auto rows = db.query(
      "SELECT step, status, counts, chunks, started_at, finished_at, "
      "(SELECT COUNT(*) FROM parked_accounts p WHERE p.run_id = s.run_id AND p.step = s.step) "
      "FROM scheduler_steps s WHERE run_id = $1 ORDER BY position",
      run.id);
  while (rows.next()) {
    run.steps.push_back({.name = rows.string(0),
                         .done = rows.text(1) == "done",
                         .counts = store::parse_counts(rows.text(2)),
                         .chunks = rows.integer(3),
                         .parked = rows.integer(6),
                         .started_at = rows.instant(4),
                         .finished_at = rows.optional_instant(5)});
  }
}

}  // namespace

std::optional<RunStatus> find_run(storage::Connection& db, RunId id) {
  std::optional<RunStatus> run;
  {
    auto rows = db.query(
        "SELECT id, job, scheduled_at, logical_date, status, catch_up, step, error, lease_until, started_at, "
        "finished_at "
        "FROM scheduler_runs WHERE id = $1",
        id);
    if (rows.next()) run = read_run(rows);
  }
  if (run) read_steps(db, *run);
  if (run) run->checks = breaker::checks_of(db, run->id);
  return run;
}

std::vector<RunStatus> list_runs(storage::Connection& db, std::string_view job, std::optional<Instant> before,
                                 int limit) {
  std::vector<RunStatus> runs;
  {
    const std::string bound = before ? before->to_string() : "9999-12-31T23:59:59Z";
    auto rows = db.query(
        "SELECT id, job, scheduled_at, logical_date, status, catch_up, step, error, lease_until, started_at, "
        "finished_at "
        "FROM scheduler_runs WHERE job = $1 AND scheduled_at < $2 ORDER BY scheduled_at DESC LIMIT $3",
        job, bound, limit);
    while (rows.next()) runs.push_back(read_run(rows));
  }
  for (RunStatus& run : runs) {
    read_steps(db, run);
    run.checks = breaker::checks_of(db, run.id);
  }
  return runs;
}

std::optional<RunStatus> last_begun_run(storage::Connection& db, std::string_view job) {
  RunId id;
  {
    auto rows = db.query(
        "SELECT id FROM scheduler_runs WHERE job = $1 AND status <> 'waiting' ORDER BY scheduled_at DESC LIMIT 1", job);
    if (rows.next()) id = rows.id<RunId>(0);
  }
  return id ? find_run(db, id) : std::nullopt;
}

std::int64_t open_run_count(storage::Connection& db, std::string_view job) {
  auto rows = db.query(
      "SELECT COUNT(*) FROM scheduler_runs WHERE status IN ('waiting', 'running', 'failed') AND job = $1 "
      "AND (status <> 'failed' OR lease_until IS NOT NULL)",
      job);
  return rows.next() ? rows.integer(0) : 0;
}

std::vector<ParkedAccount> parked_accounts(storage::Connection& db, RunId run) {
  auto rows = db.query(
      "SELECT step, account_id, reason, parked_at FROM parked_accounts WHERE run_id = $1 ORDER BY parked_at, "
      "account_id",
      run);
  std::vector<ParkedAccount> out;
  while (rows.next()) {
    out.push_back({rows.string(0), rows.id<AccountId>(1), rows.string(2), rows.instant(3)});
  }
  return out;
}

}  // namespace bursar::scheduler
