#include "scheduler/store.hpp"

#include <nlohmann/json.hpp>

#include "base/json_text.hpp"
#include "scheduler/breaker.hpp"

namespace bursar::scheduler::store {
namespace {

OpenRun read_open_run(storage::Rows& rows) {
  return {.id = rows.id<RunId>(0),
          .occurrence = {rows.instant(1), rows.date(2)},
          .status = rows.string(3),
          .catch_up = rows.boolean(4),
          .owner = rows.string(5),
          .fence = rows.integer(6),
          .lease_until = rows.optional_instant(7)};
}

}  // namespace

std::optional<Instant> considered_until(storage::Connection& db, std::string_view job) {
  auto rows = db.query("SELECT considered_until FROM scheduler_jobs WHERE name = $1", job);
  if (!rows.next()) return std::nullopt;
  return rows.instant(0);
}

void set_considered_until(storage::Transaction& tx, std::string_view job, Instant until) {
  tx.execute(
      "INSERT INTO scheduler_jobs (name, considered_until) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET "
      "considered_until = excluded.considered_until WHERE scheduler_jobs.considered_until < excluded.considered_until",
      job, until);
}

void insert_run(storage::Transaction& tx, std::string_view job, const Occurrence& occurrence, Planned planned,
                Instant now) {
  const bool skipped = planned == Planned::skipped;
  tx.execute(
      "INSERT INTO scheduler_runs (id, job, scheduled_at, logical_date, status, catch_up, finished_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (job, scheduled_at) DO NOTHING",
      tx.new_id<RunId>(), job, occurrence.at, occurrence.date, skipped ? "skipped" : "waiting",
      planned == Planned::catching_up ? 1 : 0, skipped ? std::optional<Instant>(now) : std::nullopt);
}

void skip_waiting(storage::Transaction& tx, std::string_view job, Instant now) {
  tx.execute(
      "UPDATE scheduler_runs SET status = 'skipped', finished_at = $2 "
      "WHERE job = $1 AND status = 'waiting' AND status IN ('waiting', 'running', 'failed') AND started_at IS NULL",
      job, now);
}

std::optional<OpenRun> first_open_run(storage::Connection& db, std::string_view job) {
  auto rows = db.query(
      "SELECT id, scheduled_at, logical_date, status, catch_up, owner, fence, lease_until FROM scheduler_runs "
      "WHERE status IN ('waiting', 'running', 'failed') AND job = $1 AND (status <> 'failed' OR lease_until IS NOT "
      "NULL) "
      "ORDER BY scheduled_at LIMIT 1",
      job);
  if (!rows.next()) return std::nullopt;
  return read_open_run(rows);
}

std::optional<OpenRun> run_at(storage::Connection& db, std::string_view job, Instant at) {
  auto rows = db.query(
      "SELECT id, scheduled_at, logical_date, status, catch_up, owner, fence, lease_until FROM scheduler_runs "
      "WHERE job = $1 AND scheduled_at = $2",
      job, at);
  if (!rows.next()) return std::nullopt;
  return read_open_run(rows);
}

bool has_later_run(storage::Connection& db, std::string_view job, Instant at) {
  auto rows = db.query("SELECT 1 FROM scheduler_runs WHERE job = $1 AND scheduled_at > $2 LIMIT 1", job, at);
  return rows.next();
}

void give_up(storage::Transaction& tx, const OpenRun& run) {
  tx.execute("UPDATE scheduler_runs SET lease_until = NULL WHERE id = $1 AND fence = $2 AND status = 'failed'", run.id,
             run.fence);
}

std::optional<Claim> claim(storage::Transaction& tx, std::string_view job, const OpenRun& seen, std::string_view owner,
                           Instant lease_until, Instant now) {
  Claim out;
  out.fence = seen.fence + 1;
  out.catch_up = seen.catch_up || (has_later_run(tx, job, seen.occurrence.at) && !breaker::is_approved(tx, seen.id));
  const auto changed = tx.execute(
      "UPDATE scheduler_runs SET status = 'running', owner = $1, fence = $2, lease_until = $3, catch_up = $4, "
      "started_at = COALESCE(started_at, $5), finished_at = NULL, error = '' "
      "WHERE id = $6 AND fence = $7 AND status = $8",
      owner, out.fence, lease_until, out.catch_up, now, seen.id, seen.fence, seen.status);
  if (changed != 1) return std::nullopt;
  return out;
}

bool renew(storage::Transaction& tx, RunId run, std::int64_t fence, Instant lease_until, std::string_view step) {
  return tx.execute(
             "UPDATE scheduler_runs SET lease_until = $1, step = $2 WHERE id = $3 AND fence = $4 AND status = "
             "'running'",
             lease_until, step, run, fence) == 1;
}

bool finish(storage::Transaction& tx, RunId run, std::int64_t fence, Instant now) {
  return tx.execute(
             "UPDATE scheduler_runs SET status = 'done', step = '', owner = NULL, lease_until = NULL, finished_at = $1 "
             "WHERE id = $2 AND fence = $3 AND status = 'running'",
             now, run, fence) == 1;
}

bool fail(storage::Transaction& tx, RunId run, std::int64_t fence, std::string_view error, Instant now,
          Instant retry_at) {
  return tx.execute(
             "UPDATE scheduler_runs SET status = 'failed', error = $1, owner = NULL, lease_until = $2, finished_at = "
             "$3 "
             "WHERE id = $4 AND fence = $5 AND status = 'running'",
             error, retry_at, now, run, fence) == 1;
}

bool release(storage::Transaction& tx, RunId run, std::int64_t fence) {
  return tx.execute(
             "UPDATE scheduler_runs SET owner = NULL, lease_until = NULL "
             "WHERE id = $1 AND fence = $2 AND status = 'running'",
             run, fence) == 1;
}

Progress load_progress(storage::Connection& db, RunId run, std::string_view step) {
  auto rows =
      db.query("SELECT status, cursor, counts, chunks, started_at FROM scheduler_steps WHERE run_id = $1 AND step = $2",
               run, step);
  if (!rows.next()) return {};
  return {.begun = true,
          .done = rows.text(0) == "done",
          .cursor = rows.string(1),
          .counts = parse_counts(rows.text(2)),
          .chunks = rows.integer(3),
          .started_at = rows.instant(4)};
}

void save_progress(storage::Transaction& tx, RunId run, std::string_view step, std::int64_t position,
                   const Progress& progress, Instant now) {
  tx.execute(
      "INSERT INTO scheduler_steps (run_id, position, step, status, cursor, counts, chunks, started_at, finished_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (run_id, step) DO UPDATE SET "
      "status = excluded.status, cursor = excluded.cursor, counts = excluded.counts, chunks = excluded.chunks, "
      "finished_at = excluded.finished_at",
      run, position, step, progress.done ? "done" : "running", progress.cursor, counts_text(progress.counts),
      progress.chunks, progress.started_at, progress.done ? std::optional<Instant>(now) : std::nullopt);
}

Progress after_chunk(Progress progress, const ChunkResult& result, Instant now) {
  if (!progress.begun) progress.started_at = now;
  progress.begun = true;
  progress.done = result.finished;
  progress.cursor = result.cursor;
  for (const auto& [name, count] : result.counts) progress.counts[name] += count;
  ++progress.chunks;
  return progress;
}

std::set<AccountId> load_parked(storage::Connection& db, RunId run, std::string_view step) {
  auto rows = db.query("SELECT account_id FROM parked_accounts WHERE run_id = $1 AND step = $2", run, step);
  std::set<AccountId> out;
  while (rows.next()) out.insert(rows.id<AccountId>(0));
  return out;
}

void park(storage::Transaction& tx, RunId run, std::string_view step, AccountId account, std::string_view reason,
          Instant now) {
  tx.execute(
      "INSERT INTO parked_accounts (run_id, step, account_id, reason, parked_at) VALUES ($1, $2, $3, $4, $5) "
      "ON CONFLICT (run_id, step, account_id) DO NOTHING",
      run, step, account, reason.substr(0, 1000), now);
}

std::string counts_text(const Counts& counts) {
  std::string out = "{";
  for (const auto& [name, count] : counts) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    out += ':' + std::to_string(count);
  }
  return out + '}';
}

Counts parse_counts(std::string_view text) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) throw storage::StorageError("the counts of a scheduler step are not a JSON object", false);
  Counts out;
  for (const auto& [name, count] : object.items()) out[name] = count.get<std::int64_t>();
  return out;
}

}  // namespace bursar::scheduler::store
