#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "base/process.hpp"
#include "effects/effects.hpp"
#include "effects/store.hpp"
#include "storage/failpoints.hpp"

namespace bursar::effects {
namespace {

using storage::Backend;
using storage::Connection;
using storage::StorageError;
using storage::Transaction;

namespace failpoints = storage::failpoints;
using Steady = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds(500);
constexpr auto others_interval = std::chrono::milliseconds(50);
constexpr int max_claims_at_once = 64;
constexpr int settle_tries = 6;

std::string worker_name() {
  static std::atomic<int> number = 0;
  return this_process() + "/" + std::to_string(number++);
}

}  // namespace

struct Workers::State {
  State(storage::Database& database, const Clock& the_clock, const std::vector<Handler*>& all, WorkerOptions given)
      : db(database),
        clock(the_clock),
        lease_clock(given.lease_clock != nullptr ? *given.lease_clock : system_clock),
        options(given) {
    for (auto* handler : all) {
      const bool is_new = handlers.emplace(std::string(handler->kind()), handler).second;
      BURSAR_ASSERT(is_new && "two handlers for one kind of effect");
    }
    BURSAR_ASSERT(options.threads > 0 && options.lease.seconds > 0 && options.first_backoff.seconds > 0);
  }

  struct Busy {
    EffectId id;
    Lane lane;
  };
  // What one snapshot of the store shows: both in one, or what goes from the one to the other would be in neither.
  struct Look {
    std::vector<Held> held;
    std::vector<Lane> due;
  };
  Look look(Instant now);
  struct Dispatched {
    std::size_t claimed = 0;
    bool more = false;  // something was due or in flight, with anybody
    // Nothing was under way here when it looked: what ends later may leave work behind that it did not see.
    bool was_quiet = false;
  };
  // Claims what is due and there is room for.
  Dispatched dispatch();
  // Ends the claims whose holder is gone; answers whether there were any. Those that stand stay in `held`.
  bool take_over_lost(std::vector<Held>& held);
  [[nodiscard]] bool is_gone(const Held& claim) const;
  struct Quota {
    const Lane* lane;
    int limit;  // calls of its instance at the same time, in all processes
  };
  std::vector<Quota> quotas_of(const std::vector<Lane>& lanes);
  std::optional<Claimed> claim_now(std::string_view key);
  std::vector<Claimed> claim_some(const std::vector<Lane>& lanes, Instant now);
  [[nodiscard]] Claimant claimant(Instant now) const {
    return {.worker = worker, .now = now, .lease_until = lease_clock.now() + options.lease};
  }
  void enqueue(std::vector<Claimed> claimed);
  [[nodiscard]] bool quiet() const { return busy.empty() && claiming == 0; }
  void forget_busy(EffectId id) {
    std::erase_if(busy, [&](const Busy& one) { return one.id == id; });
  }

  void run_pool_thread();
  void run_dispatcher();
  // Performs one queued effect, if there is one. Called and returns with the lock held.
  bool run_one(std::unique_lock<std::mutex>& lock);
  void perform_and_settle(const Claimed& claimed, Steady::time_point claimed_at, const Settling& settling = {});
  Outcome call(Handler& handler, const Claimed& claimed, Steady::time_point claimed_at);
  void settle(Handler& handler, const Claimed& claimed, const Outcome& outcome, const Settling& settling);
  void store_unsettled(const Claimed& claimed, const Outcome& outcome, const char* reason);

  storage::Database& db;
  const Clock& clock;
  const SystemClock system_clock;
  const Clock& lease_clock;
  const WorkerOptions options;
  std::map<std::string, Handler*, std::less<>> handlers;
  const std::string worker = worker_name();

  std::mutex dispatching;  // the dispatcher's claims, one at a time; taken before `mutex`
  std::size_t turn = 0;    // the lane that comes first rotates; guarded by `dispatching`

  std::mutex mutex;
  std::condition_variable work;      // for pool threads: something is queued
  std::condition_variable progress;  // for the dispatcher and drain(): something ended or was recorded
  struct Queued {
    Claimed claimed;
    Steady::time_point at;
  };
  std::deque<Queued> queue;
  std::vector<Busy> busy;    // queued or being performed
  std::size_t claiming = 0;  // calls of run_now() that may be about to enter `busy`
  std::vector<std::thread> pool;
  std::size_t idle = 0;
  bool woken = false;
  bool stopping = false;
  bool started = false;
  std::thread dispatcher;
};

Workers::State::Look Workers::State::look(Instant now) {
  return db.read([&](Connection& connection) {
    Look seen{.held = held_claims(connection), .due = due_lanes(connection, now)};
    std::erase_if(seen.due, [&](const Lane& lane) { return !handlers.contains(lane.kind); });
    return seen;
  });
}

// Whether the holder of a claim is gone. One that lives keeps it until its lease is over, however long it is silent;
// one that has certainly ended loses it at once.
bool Workers::State::is_gone(const Held& claim) const {
  if (claim.lease_until <= lease_clock.now()) return true;
  // The lock on a SQLite file says that no other process lives.
  const bool of_this_process = claim.worker.starts_with(this_process() + "/");
  if (db.backend() == Backend::sqlite && !of_this_process) return true;
  return has_ended(claim.worker);
}

bool Workers::State::take_over_lost(std::vector<Held>& held) {
  std::vector<Held> lost;
  {
    // A claim of ours without a thread at it is one whose outcome could not be stored; one that runs late is still
    // ours. What has ended since `held` was read is left alone by take_over().
    const std::lock_guard lock(mutex);
    std::erase_if(held, [&](const Held& claim) {
      const bool ours = claim.worker == worker;
      const bool runs =
          claiming > 0 || std::any_of(busy.begin(), busy.end(), [&](const Busy& one) { return one.id == claim.id; });
      const bool is_lost = ours ? !runs : is_gone(claim);
      if (is_lost) lost.push_back(claim);
      return is_lost;
    });
  }
  if (lost.empty()) return false;
  const Instant next_at = clock.now() + options.takeover_pause;
  std::int64_t taken = 0;
  db.write("take_over_effects", [&](Transaction& tx) { taken = take_over(tx, lost, next_at); });
  if (taken > 0) log::warning("effects_unknown", {{"reason", "their worker is gone"}, {"count", taken}});
  return true;
}

Workers::State::Dispatched Workers::State::dispatch() {
  const std::lock_guard one_at_a_time(dispatching);
  const bool was_quiet = [&] {
    const std::lock_guard lock(mutex);
    return quiet();
  }();
  const Instant now = clock.now();
  Look seen = look(now);
  if (take_over_lost(seen.held)) seen = look(now);
  if (seen.due.empty()) return {.claimed = 0, .more = !seen.held.empty(), .was_quiet = was_quiet};
  auto claimed = claim_some(seen.due, now);
  const std::size_t count = claimed.size();
  enqueue(std::move(claimed));
  return {.claimed = count, .more = true, .was_quiet = was_quiet};
}

std::vector<Workers::State::Quota> Workers::State::quotas_of(const std::vector<Lane>& lanes) {
  std::vector<Quota> quotas;
  for (const auto& lane : lanes) {
    const auto handler = handlers.find(lane.kind);
    if (handler == handlers.end()) continue;
    const Quota quota{.lane = &lane, .limit = handler->second->concurrency(lane.instance)};
    if (quota.limit > 0) quotas.push_back(quota);
  }
  if (!quotas.empty()) {
    std::rotate(quotas.begin(), quotas.begin() + static_cast<std::ptrdiff_t>(turn++ % quotas.size()), quotas.end());
  }
  return quotas;
}

std::vector<Claimed> Workers::State::claim_some(const std::vector<Lane>& lanes, Instant now) {
  // One instance never takes more than half of the threads, or a slow panel would leave none for the others.
  const int cap = std::max(1, options.threads / 2);
  std::map<std::string, int, std::less<>> running;
  int all_running = 0;
  {
    const std::lock_guard lock(mutex);
    for (const Busy& one : busy) ++running[one.lane.instance];
    all_running = static_cast<int>(busy.size());
  }
  const auto quotas = quotas_of(lanes);
  const int room = std::min(options.threads - all_running, max_claims_at_once);
  if (room <= 0 || quotas.empty()) return {};
  const Claimant self = claimant(now);
  const int share = std::max(1, room / static_cast<int>(quotas.size()));
  std::vector<Claimed> out;
  db.write("claim_effects", [&](Transaction& tx) {
    out.clear();
    auto own = running;
    for (const auto& quota : quotas) {
      int& of_instance = own[quota.lane->instance];
      const int left = std::min({room - static_cast<int>(out.size()), share, cap - of_instance});
      if (left <= 0) continue;
      auto some = claim(tx, self, *quota.lane, quota.limit, left);
      of_instance += static_cast<int>(some.size());
      std::move(some.begin(), some.end(), std::back_inserter(out));
    }
  });
  return out;
}

void Workers::State::enqueue(std::vector<Claimed> claimed) {
  const auto at = Steady::now();
  const std::lock_guard lock(mutex);
  for (auto& one : claimed) {
    busy.push_back({one.effect.id, {one.effect.kind, one.effect.instance}});
    queue.push_back({std::move(one), at});
    if (idle < queue.size() && pool.size() < static_cast<std::size_t>(options.threads) && !stopping) {
      pool.emplace_back([this] { run_pool_thread(); });
    }
  }
  work.notify_all();
}

void Workers::State::run_pool_thread() {
  std::unique_lock lock(mutex);
  for (;;) {
    if (run_one(lock)) continue;
    if (stopping) return;
    ++idle;
    work.wait(lock, [&] { return stopping || !queue.empty(); });
    --idle;
  }
}

bool Workers::State::run_one(std::unique_lock<std::mutex>& lock) {
  if (queue.empty()) return false;
  const Queued next = std::move(queue.front());
  queue.pop_front();
  lock.unlock();
  perform_and_settle(next.claimed, next.at);
  lock.lock();
  forget_busy(next.claimed.effect.id);
  woken = true;
  progress.notify_all();
  return true;
}

// Lets nothing out: whatever goes wrong here, the claim is ended by take_over_lost() and the effect is inspected.
void Workers::State::perform_and_settle(const Claimed& claimed, Steady::time_point claimed_at,
                                        const Settling& settling) {
  const log::RequestScope scope("effect-" + std::to_string(claimed.effect.id.value()));
  Handler& handler = *handlers.find(claimed.effect.kind)->second;
  const Outcome outcome = call(handler, claimed, claimed_at);
  try {
    settle(handler, claimed, outcome, settling);
  } catch (const std::exception& error) {
    log::error("effect_not_settled", {{"key", claimed.effect.key}, {"detail", error.what()}});
    store_unsettled(claimed, outcome, error.what());
  }
}

Outcome Workers::State::call(Handler& handler, const Claimed& claimed, Steady::time_point claimed_at) {
  // After a pause of the whole process another one may have taken this over, and be at it. Only the key that the other
  // side gets can guard the moment between this look and the call.
  if (!claimed.inspect && Steady::now() - claimed_at > std::chrono::seconds(options.lease.seconds) / 2) {
    return {.verdict = Verdict::not_attempted, .error = "half of the lease had passed before the call"};
  }
  // A question without an answer takes nothing from what was known before it.
  const Verdict unclear = claimed.waiting ? Verdict::waiting : Verdict::unknown;
  std::string text = "the handler threw something that is no exception";
  try {
    const std::string& kind = claimed.effect.kind;
    failpoints::reached(kind, claimed.inspect ? "asked" : "begun");
    Outcome outcome = claimed.inspect ? handler.inspect(claimed.effect) : handler.perform(claimed.effect);
    failpoints::reached(kind, claimed.inspect ? "told" : "answered");
    if (outcome.verdict == Verdict::unknown) outcome.verdict = unclear;
    return outcome;
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
    log::error("effect_handler_threw", {{"key", claimed.effect.key}});
  }
  return {.verdict = unclear, .error = text};
}

void Workers::State::settle(Handler& handler, const Claimed& claimed, const Outcome& outcome,
                            const Settling& settling) {
  const Effect& effect = claimed.effect;
  for (int attempt = 1;; ++attempt) {
    try {
      bool held = true;
      db.write("settle_effect", [&](Transaction& tx) {
        held = holds_claim(tx, worker, effect);
        if (!held) return;
        const Instant now = clock.now();
        Outcome own = outcome;  // the transaction may run again
        handler.settle(tx, effect, own, now);
        store_outcome(tx, claimed, own, now, options);
        if (settling) settling(tx);
        failpoints::reached(effect.kind, "applying");
      });
      failpoints::reached(effect.kind, "settled");
      if (!held) log::warning("effect_lease_lost", {{"key", effect.key}});
      return;
    } catch (const StorageError& error) {
      // The outcome is known here and nowhere else, so it is worth some patience.
      if (!error.transient() || attempt == settle_tries) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(20) * (1 << attempt));
    }
  }
}

// The domain could not store the outcome. The effect stays unknown, so that inspecting it brings the outcome back once
// the cause is mended; it is never performed again before that.
void Workers::State::store_unsettled(const Claimed& claimed, const Outcome& outcome, const char* reason) {
  Outcome unknown{.verdict = Verdict::unknown, .data = outcome.data, .error = "not settled: " + std::string(reason)};
  // A call that was never made may be made again.
  if (outcome.verdict == Verdict::not_attempted) unknown.verdict = Verdict::not_attempted;
  try {
    db.write("unsettled_effect", [&](Transaction& tx) {
      if (holds_claim(tx, worker, claimed.effect)) store_outcome(tx, claimed, unknown, clock.now(), options);
    });
  } catch (const std::exception& error) {
    log::error("effect_left_in_flight", {{"key", claimed.effect.key}, {"detail", error.what()}});
  }
}

void Workers::State::run_dispatcher() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    woken = false;
    lock.unlock();
    std::size_t claimed = 0;
    try {
      claimed = dispatch().claimed;
    } catch (const std::exception& error) {
      log::warning("effects_not_claimed", {{"detail", error.what()}});
    }
    lock.lock();
    if (claimed == 0) progress.wait_for(lock, poll_interval, [&] { return woken || stopping; });
  }
}

Workers::Workers(storage::Database& db, const Clock& clock, std::vector<Handler*> handlers, WorkerOptions options)
    : state_(std::make_unique<State>(db, clock, handlers, options)) {}

Workers::~Workers() { stop(); }

void Workers::start() {
  const std::lock_guard lock(state_->mutex);
  if (state_->started || state_->stopping) return;
  state_->started = true;
  state_->dispatcher = std::thread([state = state_.get()] { state->run_dispatcher(); });
}

void Workers::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->work.notify_all();
  state_->progress.notify_all();
  if (state_->dispatcher.joinable()) state_->dispatcher.join();
  for (auto& thread : state_->pool) {
    if (thread.joinable()) thread.join();
  }
}

void Workers::wake() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->woken = true;
  }
  state_->progress.notify_all();
}

void Workers::drain(Until until) {
  State& state = *state_;
  for (;;) {
    const auto dispatched = state.dispatch();
    std::unique_lock lock(state.mutex);
    if (dispatched.claimed == 0 && dispatched.was_quiet && state.quiet()) {
      if (until == Until::own_end || !dispatched.more) return;
      state.progress.wait_for(lock, others_interval);
      continue;
    }
    const std::size_t before = state.busy.size();
    if (state.run_one(lock)) continue;
    state.progress.wait_for(lock, poll_interval, [&] { return state.busy.size() < before || state.quiet(); });
  }
}

// Claims beside the dispatcher and beside other callers: each waits for its own durable claim, and those that wait
// together share one sync.
std::optional<Claimed> Workers::State::claim_now(std::string_view key) {
  const Claimant self = claimant(clock.now());
  std::optional<Claimed> claimed;
  const auto done = db.write("claim_effect", [&](Transaction& tx) -> Status {
    claimed = claim_one(tx, self, key);
    if (!claimed || handlers.contains(claimed->effect.kind)) return {};
    return not_found("no_handler", "nobody performs this kind of effect here");
  });
  return done.ok() ? claimed : std::nullopt;
}

std::optional<Instant> Workers::next_try() {
  const Instant now = state_->clock.now();
  std::optional<Instant> first;
  for (const auto& next : state_->db.read([&](Connection& connection) { return next_tries(connection, now); })) {
    if (state_->handlers.contains(next.lane.kind) && (!first || next.at < *first)) first = next.at;
  }
  return first;
}

bool Workers::run_now(std::string_view key, const Settling& settling) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  ++state.claiming;
  lock.unlock();
  const auto claimed_at = Steady::now();
  std::optional<Claimed> claimed;
  try {
    claimed = state.claim_now(key);
  } catch (...) {
    lock.lock();
    --state.claiming;
    state.progress.notify_all();
    throw;
  }
  lock.lock();
  --state.claiming;
  if (claimed) state.busy.push_back({claimed->effect.id, {claimed->effect.kind, claimed->effect.instance}});
  lock.unlock();
  if (claimed) state.perform_and_settle(*claimed, claimed_at, settling);
  lock.lock();
  if (claimed) {
    state.forget_busy(claimed->effect.id);
    state.woken = true;
  }
  lock.unlock();
  state.progress.notify_all();
  return claimed.has_value();
}

Workers::Counts Workers::counts() {
  return state_->db.read([](Connection& connection) { return count_open(connection); });
}

}  // namespace bursar::effects
