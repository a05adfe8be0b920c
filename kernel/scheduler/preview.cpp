// What runs would do: the steps themselves, executed in a transaction that is thrown away. Nothing is modelled twice.
#include <algorithm>

#include "base/log.hpp"
#include "scheduler/scheduler.hpp"

namespace bursar::scheduler {
namespace {

using Parked = std::map<std::string, std::set<AccountId>, std::less<>>;

// One attempt over all runs; a failure ends it, as the transaction cannot be used any further.
struct Attempt {
  const std::vector<Step*>& steps;
  int max_accounts;
  const Parked& parked;
  const settings::Breaker& breaker;
  std::string step = {};  // under way
  AccountId working_on = {};

  // Answers whether the run would be held.
  bool run(storage::Transaction& tx, const RunContext& context) {
    bool held = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool presses = !steps[i]->runs_in_catch_up();
      if (context.catch_up && presses) continue;
      const bool begun = store::load_progress(tx, context.run, steps[i]->name()).begun;
      const bool may_begin = begun || breaker::may_begin(tx, breaker, *steps[i], context);
      if (!may_begin || (held && presses)) {
        held = true;
      } else {
        run_step(tx, context, *steps[i], static_cast<std::int64_t>(i));
      }
    }
    return held;
  }

  void run_step(storage::Transaction& tx, const RunContext& context, Step& work, std::int64_t position) {
    step = work.name();
    auto progress = store::load_progress(tx, context.run, step);
    std::set<AccountId> left_out = store::load_parked(tx, context.run, step);
    if (const auto found = parked.find(step); found != parked.end()) {
      for (const AccountId account : found->second) {
        store::park(tx, context.run, step, account, "could not be handled in this preview", context.now);
        left_out.insert(account);
      }
    }
    while (!progress.done) {
      working_on = AccountId();
      const ChunkRequest request{
          .cursor = progress.cursor, .max_accounts = max_accounts, .parked = &left_out, .working_on = &working_on};
      progress = store::after_chunk(std::move(progress), work.run_chunk(tx, context, request), context.now);
      store::save_progress(tx, context.run, step, position, progress, context.now);
    }
  }
};

void plan_until(storage::Transaction& tx, const settings::Job& job, const CronExpression& cron, Instant now,
                Instant at) {
  const Instant from = store::considered_until(tx, job.name).value_or(now);
  std::vector<Occurrence> due;
  for (auto next = cron.next_after(job.timezone, from); next && next->at <= at && due.size() < 5000;
       next = cron.next_after(job.timezone, next->at)) {
    due.push_back(*next);
  }
  for (std::size_t i = 0; i < due.size(); ++i) {
    const bool missed = due[i].at <= now && i + 1 < due.size() && due[i + 1].at <= now;
    const auto planned = !missed        ? store::Planned::waiting
                         : job.catch_up ? store::Planned::catching_up
                                        : store::Planned::skipped;
    store::insert_run(tx, job.name, due[i], planned, now);
  }
}

constexpr int most_attempts = 50;

}  // namespace

Result<std::vector<RunStatus>> Scheduler::preview(Instant at, std::string_view name,
                                                  const std::function<void(storage::Transaction&)>& report,
                                                  const std::function<void(storage::Transaction&)>& begin) {
  const Job* job = find_job(name);
  if (job == nullptr) return not_found("no_such_job", "There is no such job.");
  const Instant now = clock_.now();
  Parked parked;
  int max_accounts = options_.chunk_accounts;
  for (int i = 0; i < most_attempts; ++i) {
    std::vector<RunStatus> runs;
    Attempt attempt{.steps = job->steps, .max_accounts = max_accounts, .parked = parked, .breaker = options_.breaker};
    bool reporting = false;
    try {
      db_.simulate([&](storage::Transaction& tx) {
        runs.clear();
        if (begin) begin(tx);
        plan_until(tx, job->settings, job->cron, now, at);
        while (const auto open = store::first_open_run(tx, job->settings.name)) {
          const auto claim = store::claim(tx, job->settings.name, *open, "preview", now, now);
          BURSAR_ASSERT(claim);
          breaker::lapse(tx, job->settings.name, open->occurrence.at, now, options_.hold_listener);
          const RunContext context{.run = open->id,
                                   .job = job->settings.name,
                                   .scheduled_at = open->occurrence.at,
                                   .date = open->occurrence.date,
                                   .now = std::max(now, open->occurrence.at),
                                   // A run still to come is not missed because the preview looks beyond it.
                                   .catch_up = claim->catch_up && open->occurrence.at <= now};
          if (attempt.run(tx, context)) {
            breaker::hold(tx, context, claim->fence, options_.hold_listener);
          } else {
            store::finish(tx, open->id, claim->fence, context.now);
          }
          runs.push_back(find_run(tx, open->id).value());
        }
        reporting = true;
        report(tx);
      });
      return runs;
    } catch (const storage::StorageError& error) {
      if (error.transient() || reporting) throw;
      log::warning("preview_failed", {{"step", attempt.step}, {"error", error.what()}});
    } catch (const std::exception& error) {
      if (reporting) throw;
      log::warning("preview_failed", {{"step", attempt.step}, {"error", error.what()}});
    }
    if (max_accounts > 1) {
      max_accounts = 1;  // to learn which account it is
    } else if (!attempt.working_on || !parked[attempt.step].insert(attempt.working_on).second) {
      break;
    }
  }
  return Error{.kind = ErrorKind::internal,
               .code = "preview_failed",
               .detail = "A step of the run cannot go on; the log says why.",
               .cure = "Look for preview_failed in the log."};
}

}  // namespace bursar::scheduler
