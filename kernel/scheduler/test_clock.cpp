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
    tx.execute("UPDATE installation SET test_clock_now = $1 WHERE id = 1 AND test_clock_now < $1", now);
  });
  raise(now);
}

bool TestClock::raise(Instant to) {
  std::int64_t seconds = seconds_;
  // Another thread may be moving it too.
  while (seconds < to.unix_seconds()) {
    if (seconds_.compare_exchange_weak(seconds, to.unix_seconds())) return true;
  }
  return false;
}

Status TestClock::jump_to(Instant target) {
  const std::scoped_lock lock(moving_);
  BURSAR_CHECK(check(target));
  set(target);
  return {};
}

Status TestClock::advance_to(Instant target, Scheduler& scheduler, const Drain& drain) {
  const std::scoped_lock lock(moving_);
  refresh();
  BURSAR_CHECK(check(target));
  for (;;) {
    // Another process may move the clock meanwhile; then this one only follows.
    const Instant here = now();
    // At first: what a killed process left undone at the present instant is done at that instant.
    run_all_due(scheduler);
    std::optional<Instant> next = drain();
    if (here >= target) return {};
    if (const auto run = scheduler.next_instant(here); run && (!next || *run < *next)) next = run;
    set(next && *next < target ? *next : target);
  }
}

bool TestClock::refresh() {
  const auto stored = db_.read([](storage::Connection& connection) {
    auto rows = connection.query("SELECT test_clock_now FROM installation WHERE id = 1");
    return rows.next() ? rows.optional_instant(0) : std::nullopt;
  });
  return stored && raise(*stored);
}

}  // namespace bursar::scheduler
