// Executes one claimed run: its steps in order, each in chunks, until done, failed, lost to another owner or stopped.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "scheduler/breaker.hpp"
#include "scheduler/step.hpp"
#include "scheduler/store.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler {

enum class Outcome { done, held, failed, lost, stopped };

class Execution {
 public:
  struct Setting {
    storage::Database& db;
    const Clock& clock;
    const Clock& lease_clock;
    Duration lease;
    int chunk_accounts;
    std::function<bool()> stopping;
    const settings::Breaker& breaker;
    HoldListener* hold_listener;
  };
  Execution(const Setting& setting, RunContext context, std::int64_t fence)
      : setting_(setting), context_(std::move(context)), fence_(fence) {}

  // Throws StorageError where the store fails for the moment; the run stays claimed and goes on with the next call.
  Outcome run(const std::vector<Step*>& steps);
  [[nodiscard]] const RunContext& context() const { return context_; }

 private:
  struct StepState;
  // Whether the breaker lets it; one that has begun goes on.
  bool may_begin(const Step& step);
  Outcome run_step(Step& step, std::int64_t position);
  void run_chunk(StepState& state, int max_accounts, AccountId& working_on);
  // Whether the step can go on; if not, `state.error` says why.
  bool handle_failure(StepState& state, AccountId account, const std::string& reason);
  [[nodiscard]] Instant lease_end() const { return setting_.lease_clock.now() + setting_.lease; }
  Outcome fail(const std::string& step, const std::string& error);
  Outcome hold();
  Outcome finish();

  const Setting& setting_;
  RunContext context_;
  std::int64_t fence_;
};

}  // namespace bursar::scheduler
