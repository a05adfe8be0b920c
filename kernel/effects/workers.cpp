#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "base/log.hpp"
#include "effects/effects.hpp"
#include "effects/store.hpp"

namespace bursar::effects {
namespace {

using storage::Backend;
using storage::Connection;
using storage::StorageError;
using storage::Transaction;

constexpr auto poll_interval = std::chrono::milliseconds(500);
constexpr int max_claims_at_once = 64;
constexpr int settle_tries = 6;

// Tells this process from every other, before it and beside it.
const std::string& process_name() {
  static const std::string name = [] {
    std::random_device random;
    std::string out;
    for (int i = 0; i < 8; ++i) {
      const auto bits = random();
      for (int shift = 0; shift < 8; shift += 4) out += "0123456789abcdef"[(bits >> shift) & 15];
    }
    return out;
  }();
  return name;
}

std::string worker_name() {
  static std::atomic<int> number = 0;
  return process_name() + "-" + std::to_string(number++);
}

}  // namespace

struct Workers::State {
  State(storage::Database& database, const Clock& the_clock, const std::vector<Handler*>& all, WorkerOptions given)
      : db(database), clock(the_clock), options(given) {
    for (auto* handler : all) {
      const bool is_new = handlers.emplace(std::string(handler->kind()), handler).second;
      BURSAR_ASSERT(is_new && "two handlers for one kind of effect");
    }
    BURSAR_ASSERT(options.threads > 0 && options.lease.seconds > 0 && options.first_backoff.seconds > 0);
  }

  // Claims what is due and there is room for; answers how much.
  std::size_t dispatch();
  void recover_once();
  struct Busy {
    EffectId id;
    Lane lane;
  };
  struct Quota {
    const Lane* lane;
    int limit;    // calls at the same time, in all processes
    int at_most;  // calls that this process may add now
  };
  std::vector<Quota> quotas_of(const std::vector<Lane>& lanes, const std::vector<Busy>& running);
  std::optional<Claimed> claim_now(std::string_view key);
  std::vector<Claimed> claim_some(const std::vector<Lane>& lanes, Instant now);
  void enqueue(std::vector<Claimed> claimed);
  [[nodiscard]] bool quiet() const { return busy.empty() && claiming == 0; }
  void forget_busy(EffectId id) {
    std::erase_if(busy, [&](const Busy& one) { return one.id == id; });
  }

  void run_pool_thread();
  void run_dispatcher();
  // Performs one queued effect, if there is one. Called and returns with the lock held.
  bool run_one(std::unique_lock<std::mutex>& lock);
  void perform_and_settle(const Claimed& claimed);
  Outcome call(Handler& handler, const Claimed& claimed);
  void settle(Handler& handler, const Effect& effect, const Outcome& outcome);
  void store_unsettled(const Effect& effect, const Outcome& outcome, const char* reason);

  storage::Database& db;
  const Clock& clock;
  const WorkerOptions options;
  std::map<std::string, Handler*, std::less<>> handlers;
  const std::string worker = worker_name();

  std::mutex dispatching;               // the dispatcher's claims, one at a time; taken before `mutex`
  std::atomic<bool> recovered = false;  // written under `dispatching`
  std::size_t turn = 0;                 // the lane that comes first rotates; guarded by `dispatching`

  std::mutex mutex;
  std::condition_variable work;      // for pool threads: something is queued
  std::condition_variable progress;  // for the dispatcher and drain(): something ended or was recorded
  std::deque<Claimed> queue;
  std::vector<Busy> busy;    // queued or being performed
  std::size_t claiming = 0;  // calls of run_now() that may be about to enter `busy`
  std::vector<std::thread> pool;
  std::size_t idle = 0;
  bool woken = false;
  bool stopping = false;
  bool started = false;
  std::thread dispatcher;
};

void Workers::State::recover_once() {
  if (recovered) return;
  // With SQLite this is the only process, so what is in flight has no one who waits for it.
  if (db.backend() == Backend::sqlite) {
    const Instant now = clock.now();
    std::int64_t lost = 0;
    db.write("recover_effects", [&](Transaction& tx) { lost = recover(tx, process_name(), now); });
    if (lost > 0) log::warning("effects_unknown_after_restart", {{"count", lost}});
  }
  recovered = true;
}

std::size_t Workers::State::dispatch() {
  const std::lock_guard one_at_a_time(dispatching);
  recover_once();
  const Instant now = clock.now();
  const auto lanes = db.read([&](Connection& connection) { return due_lanes(connection, now); });
  if (lanes.empty()) return 0;
  auto claimed = claim_some(lanes, now);
  const std::size_t count = claimed.size();
  enqueue(std::move(claimed));
  return count;
}

std::vector<Workers::State::Quota> Workers::State::quotas_of(const std::vector<Lane>& lanes,
                                                             const std::vector<Busy>& running) {
  // One lane never takes more than half of the threads, or a slow panel would leave none for the others.
  const int cap = std::max(1, options.threads / 2);
  std::vector<Quota> quotas;
  for (const auto& lane : lanes) {
    const auto handler = handlers.find(lane.kind);
    if (handler == handlers.end()) continue;
    const auto own = std::count_if(running.begin(), running.end(), [&](const Busy& one) {
      return one.lane.kind == lane.kind && one.lane.instance == lane.instance;
    });
    const Quota quota{
        .lane = &lane, .limit = handler->second->concurrency(lane.instance), .at_most = cap - static_cast<int>(own)};
    if (quota.limit > 0 && quota.at_most > 0) quotas.push_back(quota);
  }
  if (!quotas.empty()) {
    std::rotate(quotas.begin(), quotas.begin() + static_cast<std::ptrdiff_t>(turn++ % quotas.size()), quotas.end());
  }
  return quotas;
}

std::vector<Claimed> Workers::State::claim_some(const std::vector<Lane>& lanes, Instant now) {
  std::vector<Busy> running;
  {
    const std::lock_guard lock(mutex);
    running = busy;
  }
  const auto quotas = quotas_of(lanes, running);
  const int room = std::min(options.threads - static_cast<int>(running.size()), max_claims_at_once);
  if (room <= 0 || quotas.empty()) return {};
  std::vector<EffectId> running_ids;
  for (const auto& one : running) running_ids.push_back(one.id);
  const Claimant claimant{.worker = worker, .now = now, .lease_until = now + options.lease};
  const int share = std::max(1, room / static_cast<int>(quotas.size()));
  std::vector<Claimed> out;
  db.write("claim_effects", [&](Transaction& tx) {
    out.clear();
    for (const auto& quota : quotas) {
      const int left = std::min({room - static_cast<int>(out.size()), share, quota.at_most});
      if (left <= 0) continue;
      auto some = claim(tx, claimant, *quota.lane, quota.limit, left, running_ids);
      std::move(some.begin(), some.end(), std::back_inserter(out));
    }
  });
  return out;
}

void Workers::State::enqueue(std::vector<Claimed> claimed) {
  const std::lock_guard lock(mutex);
  for (auto& one : claimed) {
    busy.push_back({one.effect.id, {one.effect.kind, one.effect.instance}});
    queue.push_back(std::move(one));
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
  const Claimed claimed = std::move(queue.front());
  queue.pop_front();
  lock.unlock();
  perform_and_settle(claimed);
  lock.lock();
  forget_busy(claimed.effect.id);
  woken = true;
  progress.notify_all();
  return true;
}

// Lets nothing out: whatever goes wrong here, the lease runs out and the effect is inspected.
void Workers::State::perform_and_settle(const Claimed& claimed) {
  const log::RequestScope scope("effect-" + std::to_string(claimed.effect.id.value()));
  Handler& handler = *handlers.find(claimed.effect.kind)->second;
  const Outcome outcome = call(handler, claimed);
  try {
    settle(handler, claimed.effect, outcome);
  } catch (const std::exception& error) {
    log::error("effect_not_settled", {{"key", claimed.effect.key}, {"detail", error.what()}});
    store_unsettled(claimed.effect, outcome, error.what());
  }
}

Outcome Workers::State::call(Handler& handler, const Claimed& claimed) {
  std::string text = "the handler threw something that is no exception";
  try {
    return claimed.inspect ? handler.inspect(claimed.effect) : handler.perform(claimed.effect);
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
    log::error("effect_handler_threw", {{"key", claimed.effect.key}});
  }
  return {.verdict = Verdict::unknown, .error = text};
}

void Workers::State::settle(Handler& handler, const Effect& effect, const Outcome& outcome) {
  for (int attempt = 1;; ++attempt) {
    try {
      bool held = true;
      db.write("settle_effect", [&](Transaction& tx) {
        held = holds_claim(tx, worker, effect);
        if (!held) return;
        const Instant now = clock.now();
        Outcome own = outcome;  // the transaction may run again
        handler.settle(tx, effect, own, now);
        store_outcome(tx, effect, own, now, options);
      });
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
void Workers::State::store_unsettled(const Effect& effect, const Outcome& outcome, const char* reason) {
  Outcome unknown{.verdict = Verdict::unknown, .data = outcome.data, .error = "not settled: " + std::string(reason)};
  // A call that was never made may be made again.
  if (outcome.verdict == Verdict::not_attempted) unknown.verdict = Verdict::not_attempted;
  try {
    db.write("unsettled_effect", [&](Transaction& tx) {
      if (holds_claim(tx, worker, effect)) store_outcome(tx, effect, unknown, clock.now(), options);
    });
  } catch (const std::exception& error) {
    log::error("effect_left_to_its_lease", {{"key", effect.key}, {"detail", error.what()}});
  }
}

void Workers::State::run_dispatcher() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    woken = false;
    lock.unlock();
    std::size_t claimed = 0;
    try {
      claimed = dispatch();
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

void Workers::drain() {
  State& state = *state_;
  for (;;) {
    bool was_quiet = false;
    {
      const std::lock_guard lock(state.mutex);
      was_quiet = state.quiet();
    }
    const std::size_t claimed = state.dispatch();
    std::unique_lock lock(state.mutex);
    if (claimed == 0 && was_quiet && state.quiet()) return;
    const std::size_t before = state.busy.size();
    if (state.run_one(lock)) continue;
    state.progress.wait_for(lock, poll_interval, [&] { return state.busy.size() < before || state.quiet(); });
  }
}

// Claims beside the dispatcher and beside other callers: each waits for its own durable claim, and those that wait
// together share one sync.
std::optional<Claimed> Workers::State::claim_now(std::string_view key) {
  if (!recovered) {
    const std::lock_guard one_at_a_time(dispatching);
    recover_once();
  }
  const Instant now = clock.now();
  const Claimant claimant{.worker = worker, .now = now, .lease_until = now + options.lease};
  std::optional<Claimed> claimed;
  const auto done = db.write("claim_effect", [&](Transaction& tx) -> Status {
    claimed = claim_one(tx, claimant, key);
    if (!claimed || handlers.contains(claimed->effect.kind)) return {};
    return not_found("no_handler", "nobody performs this kind of effect here");
  });
  return done.ok() ? claimed : std::nullopt;
}

bool Workers::run_now(std::string_view key) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  ++state.claiming;
  lock.unlock();
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
  if (claimed) state.perform_and_settle(*claimed);
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
