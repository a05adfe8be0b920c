// The rows of the table effects, as the workers see them. No threads here.
#pragma once

#include <string>
#include <vector>

#include "effects/effects.hpp"

namespace bursar::effects {

// One plugin instance's queue for one kind of effect.
struct Lane {
  std::string kind;
  std::string instance;
};

struct Claimed {
  Effect effect;
  bool inspect = false;  // it may have happened already: ask, don't perform
};

// Who claims, and until when a claim holds.
struct Claimant {
  std::string worker;
  Instant now;
  Instant lease_until;
};

// The lanes that have something due.
std::vector<Lane> due_lanes(storage::Connection& connection, Instant now);

// Claims what is due in a lane, at most `limit` calls of it being under way in all processes and at most `at_most` now.
// An effect in `running` is left alone: this process is still at it, however late.
std::vector<Claimed> claim(storage::Transaction& tx, const Claimant& claimant, const Lane& lane, int limit, int at_most,
                           std::span<const EffectId> running);

// Claims one effect by its key, due or not. None: it is in flight, settled or parked, or there is none.
std::optional<Claimed> claim_one(storage::Transaction& tx, const Claimant& claimant, std::string_view key);

// The state the outcome leads to, if this claim still holds; false if another worker has taken over meanwhile.
bool holds_claim(storage::Transaction& tx, const std::string& worker, const Effect& effect);
void store_outcome(storage::Transaction& tx, const Effect& effect, const Outcome& outcome, Instant now,
                   const WorkerOptions& options);

// Effects in flight of earlier processes. Only where this process is known to be the only one (SQLite).
std::int64_t recover(storage::Transaction& tx, std::string_view process, Instant now);

Workers::Counts count_open(storage::Connection& connection);

}  // namespace bursar::effects
