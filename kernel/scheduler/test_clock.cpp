#include "scheduler/test_clock.hpp"

#include <chrono>
#include <optional>
#include <thread>

namespace bursar::scheduler {
namespace {

Instant stored_or(storage::Database& db, Instant first) {
  return db.write("begin_test_clock", [&](storage::Transaction& tx) {
    tx.execute("UPDATE installation SET test_clock_now = $1 WHERE id = 1 AND test_clock_now IS NULL", first);
    auto rows = tx.query("SELECT test_clock_now FROM installation WHERE id = 1");
    if (!rows.next()) throw storage::StorageError("the store has no installation row; it is not migrated", false);
    return rows.instant(0);
  });
}

// Runs what is due, also where another process is at it.
void run_all_due(Scheduler& scheduler) {
  while (scheduler.run_due().held_elsewhere > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

}  // namespace

TestClock::TestClock(storage::Database& db, Instant first) : db_(db), seconds_(stored_or(db, first).unix_seconds()) {}

Status TestClock::check(Instant target) const {
  if (target >= now()) return {};
  return conflict("clock_goes_forward_only",
                  "The test clock stands at " + now().to_string() + " and goes forward only.");
}

void TestClock::set(Instant now) {
  db_.write("set_test_clock", [&](storage::Transaction& tx) {
    tx.execute("UPDATE installation SET test_clock_now = $1 WHERE id = 1", now);
  });
  seconds_ = now.unix_seconds();
}

Status TestClock::jump_to(Instant target) {
  const std::scoped_lock lock(moving_);
  BURSAR_CHECK(check(target));
  set(target);
  return {};
}

Status TestClock::advance_to(Instant target, Scheduler& scheduler, const std::function<void()>& drain) {
  const std::scoped_lock lock(moving_);
  BURSAR_CHECK(check(target));
  run_all_due(scheduler);
  drain();
  for (auto next = scheduler.next_instant(now()); next && *next < target; next = scheduler.next_instant(now())) {
    set(*next);
    run_all_due(scheduler);
    drain();
  }
  if (target == now()) return {};
  set(target);
  run_all_due(scheduler);
  drain();
  return {};
}

}  // namespace bursar::scheduler
