#include "scheduler/execution.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "scheduler/pace.hpp"
#include "storage/foreground.hpp"

namespace bursar::scheduler {
namespace {

// Another process holds the run by now. Thrown inside a chunk's transaction, so that nothing of it stays.
class LeaseLost : public std::runtime_error {
 public:
  LeaseLost() : std::runtime_error("the run is held by another owner") {}
};

// So many accounts in a row that cannot be handled mean that the step is broken, not the accounts.
constexpr int most_failures_in_a_row = 25;
// A step that answers so many chunks without moving its cursor or counting anything would go on for ever.
constexpr int most_idle_chunks = 1000;

// 1, 5, 15, then 60 minutes.
Duration retry_delay(std::int64_t attempts) {
  constexpr std::int64_t delays[] = {1, 5, 15, 60};
  return minutes(delays[std::clamp<std::int64_t>(attempts - 1, 0, 3)]);
}

}  // namespace

struct Execution::StepState {
  Step& step;
  std::int64_t position;
  store::Progress progress;
  std::set<AccountId> parked;
  Pace pace;
  int accounts_one_by_one = 0;  // how many more chunks of one account, after a chunk that failed
  int failures_in_a_row = 0;
  int idle_chunks = 0;
  std::string error = {};
};

Outcome Execution::run(const std::vector<Step*>& steps) {
  const log::RequestScope scope("run-" + std::to_string(context_.run.value()));
  const storage::ForegroundScope foreground(false);  // a test clock is moved by a request
  log::info("run_started", {{"job", context_.job},
                            {"scheduled_at", context_.scheduled_at.to_string()},
                            {"catch_up", context_.catch_up},
                            {"fence", fence_}});
  try {
    bool held = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool presses = !steps[i]->runs_in_catch_up();
      if (context_.catch_up && presses) continue;
      // Who was not charged must not be dunned either. What else passes its limit is found at once, to be approved with
      // it.
      if (!may_begin(*steps[i]) || (held && presses)) {
        held = true;
        continue;
      }
      const Outcome outcome = run_step(*steps[i], static_cast<std::int64_t>(i));
      if (outcome != Outcome::done) return outcome;
    }
    return held ? hold() : finish();
  } catch (const LeaseLost&) {
    log::warning("run_lost", {{"job", context_.job}, {"fence", fence_}});
    return Outcome::lost;
  }
}

bool Execution::may_begin(const Step& step) {
  if (!step.reach()) return true;
  context_.now = setting_.clock.now();
  return setting_.db.write("check_step", [&](storage::Transaction& tx) {
    if (!store::renew(tx, context_.run, fence_, lease_end(), step.name())) throw LeaseLost();
    if (store::load_progress(tx, context_.run, step.name()).begun) return true;
    return breaker::may_begin(tx, setting_.breaker, step, context_);
  });
}

Outcome Execution::run_step(Step& step, std::int64_t position) {
  StepState state{.step = step,
                  .position = position,
                  .progress = {},
                  .parked = {},
                  .pace = {setting_.chunk_accounts, setting_.db.foreground_waits()}};
  setting_.db.read([&](storage::Connection& db) {
    state.progress = store::load_progress(db, context_.run, step.name());
    state.parked = store::load_parked(db, context_.run, step.name());
  });
  while (!state.progress.done) {
    if (setting_.stopping()) {
      setting_.db.write("release_run", [&](storage::Transaction& tx) { store::release(tx, context_.run, fence_); });
      return Outcome::stopped;
    }
    const int max_accounts = state.accounts_one_by_one > 0 ? 1 : state.pace.accounts();
    AccountId working_on;
    try {
      run_chunk(state, max_accounts, working_on);
      state.pace.after_chunk(setting_.db.foreground_waits());
      state.failures_in_a_row = 0;
      state.accounts_one_by_one = std::max(0, state.accounts_one_by_one - 1);
      if (state.idle_chunks > most_idle_chunks) return fail(std::string(step.name()), "the step makes no progress");
    } catch (const LeaseLost&) {
      throw;
    } catch (const storage::StorageError& error) {
      if (error.transient()) throw;
      if (!handle_failure(state, max_accounts > 1 ? AccountId() : working_on, error.what())) {
        return fail(std::string(step.name()), state.error);
      }
    } catch (const std::exception& error) {
      if (!handle_failure(state, max_accounts > 1 ? AccountId() : working_on, error.what())) {
        return fail(std::string(step.name()), state.error);
      }
    }
  }
  log::info("step_finished", {{"job", context_.job},
                              {"step", step.name()},
                              {"chunks", state.progress.chunks},
                              {"parked", state.parked.size()},
                              {"counts", store::counts_text(state.progress.counts)}});
  return Outcome::done;
}

void Execution::run_chunk(StepState& state, int max_accounts, AccountId& working_on) {
  const Instant lease_until = lease_end();
  context_.now = setting_.clock.now();
  store::Progress next;
  setting_.db.write("scheduler_chunk", [&](storage::Transaction& tx) {
    if (!store::renew(tx, context_.run, fence_, lease_until, state.step.name())) throw LeaseLost();
    working_on = AccountId();
    const ChunkRequest request{.cursor = state.progress.cursor,
                               .max_accounts = max_accounts,
                               .parked = &state.parked,
                               .working_on = &working_on};
    next = store::after_chunk(state.progress, state.step.run_chunk(tx, context_, request), context_.now);
    store::save_progress(tx, context_.run, state.step.name(), state.position, next, context_.now);
  });
  const bool idle = next.cursor == state.progress.cursor && next.counts == state.progress.counts;
  state.idle_chunks = idle ? state.idle_chunks + 1 : 0;
  state.progress = std::move(next);
}

bool Execution::handle_failure(StepState& state, AccountId account, const std::string& reason) {
  state.error = reason;
  if (state.accounts_one_by_one == 0 && state.pace.accounts() > 1) {
    log::warning("chunk_failed", {{"job", context_.job}, {"step", state.step.name()}, {"error", reason}});
    state.accounts_one_by_one = state.pace.accounts();
    return true;
  }
  // Without an account to blame, or with one that is left out already, there is nothing to leave out.
  if (!account || state.parked.contains(account)) return false;
  if (++state.failures_in_a_row > most_failures_in_a_row) return false;
  setting_.db.write("park_account", [&](storage::Transaction& tx) {
    if (!store::renew(tx, context_.run, fence_, lease_end(), state.step.name())) throw LeaseLost();
    store::park(tx, context_.run, state.step.name(), account, reason, setting_.clock.now());
  });
  state.parked.insert(account);
  log::error("account_parked",
             {{"job", context_.job}, {"step", state.step.name()}, {"account", account.value()}, {"error", reason}});
  return true;
}

Outcome Execution::fail(const std::string& step, const std::string& error) {
  const std::string text = step + ": " + error.substr(0, 1000);
  const Instant retry_at = setting_.lease_clock.now() + retry_delay(fence_);
  const bool held = setting_.db.write("fail_run", [&](storage::Transaction& tx) {
    return store::fail(tx, context_.run, fence_, text, setting_.clock.now(), retry_at);
  });
  if (!held) return Outcome::lost;
  log::error("run_failed",
             {{"job", context_.job}, {"step", step}, {"error", error}, {"retry_at", retry_at.to_string()}});
  return Outcome::failed;
}

Outcome Execution::hold() {
  const bool held = setting_.db.write("hold_run", [&](storage::Transaction& tx) {
    return breaker::hold(tx, context_, fence_, setting_.hold_listener);
  });
  if (!held) return Outcome::lost;
  log::error("run_held", {{"job", context_.job},
                          {"scheduled_at", context_.scheduled_at.to_string()},
                          {"cure", "approve or reject it: POST /scheduler/jobs/" + context_.job + "/approval"}});
  return Outcome::held;
}

Outcome Execution::finish() {
  const bool held = setting_.db.write("finish_run", [&](storage::Transaction& tx) {
    return store::finish(tx, context_.run, fence_, setting_.clock.now());
  });
  if (!held) return Outcome::lost;
  log::info("run_finished", {{"job", context_.job}, {"scheduled_at", context_.scheduled_at.to_string()}});
  return Outcome::done;
}

}  // namespace bursar::scheduler
