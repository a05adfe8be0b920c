// The clock of `clock: test`: it stands still until it is moved, only ever forward, and its value is kept in the store,
// where every process of the installation finds it.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "scheduler/scheduler.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler {

class TestClock final : public Clock {
 public:
  // Goes on from the stored value; where there is none, begins with `first` and stores it.
  TestClock(storage::Database& db, Instant first);

  [[nodiscard]] Instant now() const override { return Instant(seconds_.load()); }

  // Sets the clock at once, as after downtime: everything between is missed and caught up by the next run_due().
  // Error: "clock_goes_forward_only".
  Status jump_to(Instant target);
  // Works off all that is due besides runs, and waits for it; answers the next instant at which something will be.
  using Drain = std::function<std::optional<Instant>()>;
  // Lives through the time until `target`: stops at each scheduled instant and at each that `drain` names, runs what is
  // due there and drains, then goes on. Calls from several threads follow one another.
  Status advance_to(Instant target, Scheduler& scheduler, const Drain& drain);
  // Takes over what another process has set. Answers whether the clock moved.
  bool refresh();

 private:
  Status check(Instant target) const;
  void set(Instant now);
  bool raise(Instant to);

  storage::Database& db_;
  std::mutex moving_;
  std::atomic<std::int64_t> seconds_;
};

}  // namespace bursar::scheduler
