#include "effects/store.hpp"

#include <algorithm>

namespace bursar::effects {
namespace {

using storage::Batch;
using storage::Connection;
using storage::Transaction;

// The next lane in the index of what is open; an index step each, however long the queues are.
std::optional<Lane> next_lane(Connection& connection, const Lane& after) {
  auto rows = connection.query(
      "SELECT kind, instance FROM effects WHERE next_at IS NOT NULL AND (kind, instance) > ($1, $2) "
      "ORDER BY kind, instance LIMIT 1",
      after.kind, after.instance);
  if (!rows.next()) return std::nullopt;
  return Lane{.kind = rows.string(0), .instance = rows.string(1)};
}

bool has_due(Connection& connection, const Lane& lane, Instant now) {
  return connection
      .query("SELECT 1 FROM effects WHERE kind = $1 AND instance = $2 AND next_at <= $3 LIMIT 1", lane.kind,
             lane.instance, now)
      .next();
}

// Of every kind: a plugin's limit is of its calls, whatever they are for.
int under_way(Transaction& tx, const std::string& instance) {
  auto rows = tx.query("SELECT count(*) FROM effects WHERE state = 'in_flight' AND instance = $1", instance);
  return rows.next() ? static_cast<int>(rows.integer(0)) : 0;
}

Duration backoff(const Effect& effect, const WorkerOptions& options) {
  const int doublings = std::clamp(effect.attempts - 1, 0, 20);
  return {std::min(options.first_backoff.seconds << doublings, options.max_backoff.seconds)};
}

const char* state_after(Verdict verdict) {
  switch (verdict) {
    case Verdict::unknown:
      return "unknown";
    case Verdict::done:
      return "done";
    case Verdict::failed:
      return "failed";
    case Verdict::waiting:
      return "waiting";
    case Verdict::not_attempted:
      return "recorded";
    case Verdict::parked:
      return "parked";
  }
  invariant_broken("verdict", __FILE__, __LINE__);
}

bool is_open(Verdict verdict) {
  return verdict == Verdict::unknown || verdict == Verdict::waiting || verdict == Verdict::not_attempted;
}

}  // namespace

std::vector<Lane> due_lanes(Connection& connection, Instant now) {
  std::vector<Lane> out;
  for (auto lane = next_lane(connection, {}); lane; lane = next_lane(connection, *lane)) {
    if (has_due(connection, *lane, now)) out.push_back(*lane);
  }
  return out;
}

std::vector<NextTry> next_tries(Connection& connection, Instant now) {
  std::vector<NextTry> out;
  for (auto lane = next_lane(connection, {}); lane; lane = next_lane(connection, *lane)) {
    auto rows = connection.query(
        "SELECT next_at FROM effects WHERE kind = $1 AND instance = $2 AND next_at > $3 AND state <> 'waiting' "
        "ORDER BY next_at LIMIT 1",
        lane->kind, lane->instance, now);
    if (rows.next()) out.push_back({*lane, rows.instant(0)});
  }
  return out;
}

std::vector<Claimed> claim(Transaction& tx, const Claimant& claimant, const Lane& lane, int limit, int at_most) {
  const int free = std::min(limit - under_way(tx, lane.instance), at_most);
  if (free <= 0) return {};
  std::vector<Claimed> out;
  Batch batch{{"id", Batch::integer},  {"state", Batch::text},       {"attempts", Batch::integer},
              {"worker", Batch::text}, {"lease_until", Batch::text}, {"next_at", Batch::text}};
  {
    auto rows = tx.query(
        "SELECT id, state, key, account_id, object_id, attempts, created_at FROM effects "
        "WHERE kind = $1 AND instance = $2 AND next_at <= $3 ORDER BY next_at, id LIMIT $4 {skip_locked}",
        lane.kind, lane.instance, claimant.now, free);
    while (rows.next()) {
      Effect effect{.id = rows.id<EffectId>(0),
                    .kind = lane.kind,
                    .key = rows.string(2),
                    .instance = lane.instance,
                    .account = rows.id<AccountId>(3),
                    .object = rows.integer(4),
                    .attempts = static_cast<int>(rows.integer(5)) + 1,
                    .created_at = rows.instant(6)};
      batch.add(effect.id, "in_flight", effect.attempts, claimant.worker, claimant.lease_until, nullptr);
      out.push_back(
          {.effect = std::move(effect), .inspect = rows.text(1) != "recorded", .waiting = rows.text(1) == "waiting"});
    }
  }
  tx.update_many("effects", 1, batch);
  return out;
}

std::optional<Claimed> claim_one(Transaction& tx, const Claimant& claimant, std::string_view key) {
  auto rows = tx.query(
      "SELECT id, kind, instance, account_id, object_id, attempts, created_at, state FROM effects "
      "WHERE key = $1 AND state IN ('recorded', 'unknown', 'waiting') {skip_locked}",
      key);
  if (!rows.next()) return std::nullopt;
  Claimed claimed{.effect = {.id = rows.id<EffectId>(0),
                             .kind = rows.string(1),
                             .key = std::string(key),
                             .instance = rows.string(2),
                             .account = rows.id<AccountId>(3),
                             .object = rows.integer(4),
                             .attempts = static_cast<int>(rows.integer(5)) + 1,
                             .created_at = rows.instant(6)},
                  .inspect = rows.text(7) != "recorded",
                  .waiting = rows.text(7) == "waiting"};
  tx.execute(
      "UPDATE effects SET state = 'in_flight', attempts = $2, worker = $3, lease_until = $4, next_at = NULL "
      "WHERE id = $1",
      claimed.effect.id, claimed.effect.attempts, claimant.worker, claimant.lease_until);
  return claimed;
}

bool holds_claim(Transaction& tx, const std::string& worker, const Effect& effect) {
  return tx
      .query("SELECT 1 FROM effects WHERE id = $1 AND state = 'in_flight' AND worker = $2 AND attempts = $3", effect.id,
             worker, effect.attempts)
      .next();
}

void store_outcome(Transaction& tx, const Claimed& claimed, const Outcome& outcome, Instant now,
                   const WorkerOptions& options) {
  const Effect& effect = claimed.effect;
  std::optional<Instant> next_at;
  if (claimed.inspect && outcome.verdict == Verdict::not_attempted) {
    next_at = now;  // the other side never had it, so there is nothing to wait for
  } else if (is_open(outcome.verdict)) {
    // Never at once: an effect that answers "now" for ever would be worked on for ever.
    const Duration pause = outcome.next_in.value_or(backoff(effect, options));
    next_at = now + seconds(std::max<std::int64_t>(pause.seconds, 1));
  }
  const bool settled = outcome.verdict == Verdict::done || outcome.verdict == Verdict::failed;
  if (settled && outcome.forget) {
    tx.execute("DELETE FROM effects WHERE id = $1", effect.id);
    return;
  }
  tx.execute(
      "UPDATE effects SET state = $2, next_at = $3, lease_until = NULL, worker = NULL, outcome = $4, error = $5, "
      "finished_at = $6 WHERE id = $1",
      effect.id, state_after(outcome.verdict), next_at, outcome.data, outcome.error,
      settled ? std::optional(now) : std::nullopt);
}

std::vector<Held> held_claims(Connection& connection) {
  std::vector<Held> out;
  auto rows = connection.query("SELECT id, worker, attempts, lease_until FROM effects WHERE state = 'in_flight'");
  while (rows.next()) {
    out.push_back({.id = rows.id<EffectId>(0),
                   .worker = rows.string(1),
                   .attempts = static_cast<int>(rows.integer(2)),
                   .lease_until = rows.instant(3)});
  }
  return out;
}

std::int64_t take_over(Transaction& tx, std::span<const Held> lost, Instant next_at) {
  std::int64_t taken = 0;
  for (const Held& claim : lost) {
    taken += tx.execute(
        "UPDATE effects SET state = 'unknown', next_at = $4, lease_until = NULL, worker = NULL, "
        "error = 'the process ended during the call' "
        "WHERE id = $1 AND state = 'in_flight' AND worker = $2 AND attempts = $3",
        claim.id, claim.worker, claim.attempts, next_at);
  }
  return taken;
}

Workers::Counts count_open(Connection& connection) {
  Workers::Counts counts;
  auto rows = connection.query(
      "SELECT state, count(*) FROM effects WHERE next_at IS NOT NULL GROUP BY state "
      "UNION ALL SELECT 'in_flight', count(*) FROM effects WHERE state = 'in_flight' "
      "UNION ALL SELECT 'parked', count(*) FROM effects WHERE state = 'parked'");
  while (rows.next()) {
    const auto state = rows.text(0);
    const auto number = rows.integer(1);
    if (state == "recorded") counts.recorded = number;
    if (state == "in_flight") counts.in_flight = number;
    if (state == "unknown") counts.unknown = number;
    if (state == "waiting") counts.waiting = number;
    if (state == "parked") counts.parked = number;
  }
  return counts;
}

}  // namespace bursar::effects
