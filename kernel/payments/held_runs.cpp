#include "payments/held_runs.hpp"

#include "payments/staff_tasks.hpp"

namespace bursar::payments {

namespace {
constexpr const char* task_kind = "approve_run";
}

void HeldRunNotices::held(storage::Transaction& tx, const scheduler::RunContext& run,
                          const std::vector<scheduler::StepCheck>& checks) {
  // A run can be held once more after it was approved: by another step, or by one that would reach more by then.
  notices::Notice notice{.cause = "run_held:" + std::to_string(run.run.value()),
                         .account = {},
                         .name = notices::Template::run_held,
                         .values = {{"job", run.job}, {"date", run.date.to_string()}}};
  std::string steps, reasons;
  for (const scheduler::StepCheck& check : checks) {
    if (check.verdict != "held") continue;
    steps += (steps.empty() ? "" : ", ") + check.step;
    reasons += (reasons.empty() ? "" : "; ") + check.step + ": " + check.reason;
    notice.cause += ":" + check.step + "=" + std::to_string(check.reach);
    notice.items.push_back({{"step", check.step}, {"reason", check.reason}});
  }
  raise_task(tx, task_kind, AccountId(), run.run.value(),
             "Approve the " + run.job + " run of " + run.date.to_string() + ": " + steps, reasons, run.now);
  outbox_.enqueue(tx, {&notice, 1}, run.now);
}

void HeldRunNotices::decided(storage::Transaction& tx, RunId run, UserId by, Instant now) {
  close_task(tx, task_kind, run.value(), "done", by, now);
}

}  // namespace bursar::payments
