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
  bool waiting = false;  // of those to inspect: the other side has it and will tell
};

// Who claims, what is due by which clock, and until when (real time) a claim holds.
struct Claimant {
  std::string worker;
  Instant now;
  Instant lease_until;
};

// The lanes that have something due.
std::vector<Lane> due_lanes(storage::Connection& connection, Instant now);

// Each lane that has something recorded or unknown for after `now`, with the first instant of it.
struct NextTry {
  Lane lane;
  Instant at;
};
std::vector<NextTry> next_tries(storage::Connection& connection, Instant now);

// Claims what is due in a lane, at most `at_most` now, and at most `limit` calls of its instance being under way, of
// every kind and in all processes.
std::vector<Claimed> claim(storage::Transaction& tx, const Claimant& claimant, const Lane& lane, int limit,
                           int at_most);

// Claims one effect by its key, due or not. None: it is in flight, settled or parked, or there is none.
std::optional<Claimed> claim_one(storage::Transaction& tx, const Claimant& claimant, std::string_view key);

// The state the outcome leads to, if this claim still holds; false if another worker has taken over meanwhile.
bool holds_claim(storage::Transaction& tx, const std::string& worker, const Effect& effect);
void store_outcome(storage::Transaction& tx, const Claimed& claimed, const Outcome& outcome, Instant now,
                   const WorkerOptions& options);

// A claim that stands, of any process.
struct Held {
  EffectId id;
  std::string worker;
  int attempts = 0;
  Instant lease_until;
};
std::vector<Held> held_claims(storage::Connection& connection);

// Ends claims whose holder is gone: their effects are unknown, to be inspected at `next_at`. A claim that has ended by
// itself meanwhile is left alone. Answers how many there were.
std::int64_t take_over(storage::Transaction& tx, std::span<const Held> lost, Instant next_at);

Workers::Counts count_open(storage::Connection& connection);

}  // namespace bursar::effects
