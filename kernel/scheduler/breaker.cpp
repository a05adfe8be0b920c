#include "scheduler/breaker.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace bursar::scheduler::breaker {
namespace {

using storage::Transaction;

// Both more than a month of days: a provider who bills on the first has nothing that is usual before the second first.
constexpr int recent_runs = 40;
constexpr int fewest_runs_to_judge = 32;

// The check of a run that no step of it is at fault for.
constexpr std::string_view catch_up = "catch_up";

const settings::BreakerLimit& limit_of(const settings::Breaker& limits, std::string_view kind) {
  if (kind == "invoice") return limits.invoice;
  if (kind == "charge") return limits.charge;
  if (kind == "mail") return limits.mail;
  if (kind == "fee") return limits.fee;
  if (kind == "suspend") return limits.suspend;
  if (kind == "terminate") return limits.terminate;
  invariant_broken("a step of a kind that the breaker knows", __FILE__, __LINE__);
}

struct Bound {
  std::int64_t most;
  std::string why;
};

void narrow(std::optional<Bound>& bound, std::int64_t most, std::string why) {
  if (!bound || most < bound->most) bound = Bound{most, std::move(why)};
}

std::optional<std::int64_t> usual_peak(storage::Connection& c, const Step& step, const RunContext& run) {
  auto rows = c.query(
      "SELECT count(*), max(reach) FROM (SELECT k.reach FROM scheduler_runs r JOIN step_checks k ON k.run_id = r.id"
      " WHERE k.step = $1 AND r.job = $2 AND r.scheduled_at < $3 AND k.verdict IN ('passed', 'approved')"
      " ORDER BY r.scheduled_at DESC LIMIT $4) recent",
      step.name(), run.job, run.scheduled_at, recent_runs);
  if (!rows.next() || rows.integer(0) < fewest_runs_to_judge) return std::nullopt;
  return rows.integer(1);
}

// The narrowest of the limits that apply. Only a reach beyond the minimum costs more than its own count.
std::optional<Bound> bound_of(storage::Connection& c, const settings::BreakerLimit& limit, const Step& step,
                              const RunContext& run, std::int64_t reach) {
  const std::string key = "scheduler.breaker." + std::string(step.reach()->kind);
  std::optional<Bound> bound;
  if (limit.count) narrow(bound, *limit.count, key + ".count");
  if (reach <= limit.minimum) return bound;
  if (limit.share) {
    const std::int64_t all = step.count_all(c);
    const auto most = static_cast<std::int64_t>(static_cast<__int128>(all) * limit.share->num / limit.share->den);
    narrow(bound, std::max<std::int64_t>(most, limit.minimum),
           key + ".share, " + percent_to_string(*limit.share) + " % of " + std::to_string(all));
  }
  if (limit.times_recent) {
    if (const auto peak = usual_peak(c, step, run)) {
      narrow(bound, std::max<std::int64_t>(*peak * *limit.times_recent, limit.minimum),
             key + ".times_recent, " + std::to_string(*limit.times_recent) + " times the most of recent runs, " +
                 std::to_string(*peak));
    }
  }
  return bound;
}

// How much of the step a person has approved of; none: nothing.
std::optional<std::int64_t> approved_reach(storage::Connection& c, RunId run, std::string_view step) {
  auto rows =
      c.query("SELECT reach FROM step_checks WHERE run_id = $1 AND step = $2 AND verdict = 'approved'", run, step);
  return rows.next() ? std::optional(rows.integer(0)) : std::nullopt;
}

void release(Transaction& tx, RunId run, std::string_view verdict, const Approval& approval, Instant now,
             HoldListener* listener) {
  tx.execute(
      "UPDATE step_checks SET verdict = $2, decided_at = $3, decided_by = $4, decision_reason = $5"
      " WHERE run_id = $1 AND verdict = 'held'",
      run, verdict, now, approval.by, approval.reason);
  if (listener != nullptr) listener->decided(tx, run, approval.by, now);
}

std::optional<RunId> run_waiting_to_catch_up(storage::Connection& c, std::string_view job) {
  auto rows = c.query(
      "SELECT r.id FROM scheduler_runs r JOIN step_checks k ON k.run_id = r.id WHERE r.status = 'held' AND r.job = $1"
      " AND k.step = $2 AND k.verdict = 'held'",
      job, catch_up);
  return rows.next() ? std::optional(rows.id<RunId>(0)) : std::nullopt;
}

}  // namespace

bool is_too_long(const settings::Breaker& limits, std::int64_t missed_days) {
  return limits.missed_days && missed_days > *limits.missed_days;
}

void hold_back(Transaction& tx, const settings::Breaker& limits, const RunContext& first, std::int64_t missed_days,
               HoldListener* listener) {
  const std::string reason = std::to_string(missed_days) + " days would be caught up, more than the " +
                             std::to_string(*limits.missed_days) +
                             " that need no approval (scheduler.breaker.missed_days); is the clock right?";
  tx.execute("UPDATE scheduler_runs SET status = 'held' WHERE id = $1", first.run);
  tx.execute(
      "INSERT INTO step_checks (run_id, step, kind, objects, reach, bound, verdict, reason, checked_at)"
      " VALUES ($1, $2, 'missed_days', 'days', $3, $4, 'held', $5, $6)",
      first.run, catch_up, missed_days, *limits.missed_days, reason, first.now);
  if (listener != nullptr) listener->held(tx, first, checks_of(tx, first.run));
}

void stop_waiting(Transaction& tx, std::string_view job, Instant now, HoldListener* listener) {
  const auto waiting = run_waiting_to_catch_up(tx, job);
  if (!waiting) return;
  tx.execute("UPDATE scheduler_runs SET status = 'waiting' WHERE id = $1", *waiting);
  release(tx, *waiting, "lapsed", {.run = *waiting}, now, listener);
}

bool waits_to_catch_up(storage::Connection& c, std::string_view job) {
  return run_waiting_to_catch_up(c, job).has_value();
}

bool may_catch_up(storage::Connection& c, std::string_view job) {
  auto rows = c.query(
      "SELECT 1 FROM scheduler_runs r JOIN step_checks k ON k.run_id = r.id WHERE r.job = $1 AND k.step = $2"
      " AND k.verdict = 'approved' AND r.status IN ('waiting', 'running', 'failed')",
      job, catch_up);
  return rows.next();
}

bool may_begin(Transaction& tx, const settings::Breaker& limits, const Step& step, const RunContext& run) {
  const auto reach = step.reach();
  if (!reach) return true;
  const std::int64_t count = step.count_reached(tx, run);
  // Whoever approved of six hundred has not approved of six thousand.
  if (const auto approved = approved_reach(tx, run.run, step.name()); approved && count <= *approved) return true;
  const auto bound = bound_of(tx, limit_of(limits, reach->kind), step, run, count);
  const bool held = bound && count > bound->most;
  const std::string reason = held ? std::to_string(count) + " " + std::string(reach->objects) +
                                        " would be reached, more than the " + std::to_string(bound->most) +
                                        " that need no approval (" + bound->why + ")"
                                  : "";
  tx.execute(
      "INSERT INTO step_checks (run_id, step, kind, objects, reach, bound, verdict, reason, checked_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (run_id, step) DO UPDATE SET reach = excluded.reach,"
      " bound = excluded.bound, verdict = excluded.verdict, reason = excluded.reason, checked_at = excluded.checked_at,"
      " decided_at = NULL, decided_by = NULL, decision_reason = ''",
      run.run, step.name(), reach->kind, reach->objects, count,
      bound ? std::optional<std::int64_t>(bound->most) : std::nullopt, held ? "held" : "passed", reason, run.now);
  return !held;
}

std::vector<StepCheck> checks_of(storage::Connection& c, RunId run) {
  std::vector<StepCheck> out;
  auto rows = c.query(
      "SELECT step, kind, objects, reach, bound, verdict, reason, checked_at, decided_at, decided_by, decision_reason"
      " FROM step_checks WHERE run_id = $1 ORDER BY checked_at, step",
      run);
  while (rows.next()) {
    out.push_back({.step = rows.string(0),
                   .kind = rows.string(1),
                   .objects = rows.string(2),
                   .reach = rows.integer(3),
                   .bound = rows.is_null(4) ? std::nullopt : std::optional(rows.integer(4)),
                   .verdict = rows.string(5),
                   .reason = rows.string(6),
                   .checked_at = rows.instant(7),
                   .decided_at = rows.optional_instant(8),
                   .decided_by = rows.id<UserId>(9),
                   .decision_reason = rows.string(10)});
  }
  return out;
}

std::optional<RunId> held_run(storage::Connection& c, std::string_view job) {
  auto rows = c.query(
      "SELECT id FROM scheduler_runs WHERE status = 'held' AND job = $1 ORDER BY scheduled_at DESC LIMIT 1", job);
  if (!rows.next()) return std::nullopt;
  return rows.id<RunId>(0);
}

bool hold(Transaction& tx, const RunContext& run, std::int64_t fence, HoldListener* listener) {
  if (tx.execute("UPDATE scheduler_runs SET status = 'held', step = '', owner = NULL, lease_until = NULL"
                 " WHERE id = $1 AND fence = $2 AND status = 'running'",
                 run.run, fence) != 1) {
    return false;
  }
  if (listener != nullptr) listener->held(tx, run, checks_of(tx, run.run));
  return true;
}

void lapse(Transaction& tx, std::string_view job, Instant at, Instant now, HoldListener* listener) {
  std::vector<RunId> left;
  {
    auto rows =
        tx.query("SELECT id FROM scheduler_runs WHERE status = 'held' AND job = $1 AND scheduled_at < $2", job, at);
    while (rows.next()) left.push_back(rows.id<RunId>(0));
  }
  for (const RunId run : left) {
    if (tx.execute("UPDATE scheduler_runs SET status = 'done', finished_at = $2 WHERE id = $1 AND status = 'held'", run,
                   now) == 1) {
      release(tx, run, "lapsed", {.run = run}, now, listener);
    }
  }
}

Status decide(Transaction& tx, std::string_view job, const Approval& approval, Instant now, HoldListener* listener) {
  if (!approval.approve && run_waiting_to_catch_up(tx, job) == approval.run) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "missed_days_stand",
                 .detail = "No run is made while so many days are missed.",
                 .cure =
                     "Set the clock right, and the runs go on by themselves; approve, and every missed day is "
                     "caught up."};
  }
  if (tx.execute(
          "UPDATE scheduler_runs SET status = $3, finished_at = $4 WHERE id = $1 AND job = $2 AND status = 'held'",
          approval.run, job, approval.approve ? "waiting" : "done",
          approval.approve ? std::nullopt : std::optional<Instant>(now)) != 1) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "run_not_held",
                 .detail = "This run does not wait for an approval.",
                 .cure = "See held_run of the job: a later run may have taken its place."};
  }
  release(tx, approval.run, approval.approve ? "approved" : "rejected", approval, now, listener);
  return {};
}

bool is_approved(storage::Connection& c, RunId run) {
  return c.query("SELECT 1 FROM step_checks WHERE run_id = $1 AND verdict = 'approved' AND step <> $2", run, catch_up)
      .next();
}

}  // namespace bursar::scheduler::breaker
