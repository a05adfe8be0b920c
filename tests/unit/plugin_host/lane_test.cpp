// The lanes: a plugin that hangs holds up itself alone, and what was never entered is told from what was left behind.
#include "plugin_host/lane.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace bursar::plugin_host {
namespace {

using namespace std::chrono_literals;
auto in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

// Foreign code that stays inside until it is let go.
struct Gate {
  std::promise<void> entered;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
};

TEST(Lane, RunsWorkAndWaitsForIt) {
  Lane lane("one", 1);
  auto seen = std::make_shared<std::atomic<bool>>(false);
  EXPECT_EQ(lane.run([seen] { *seen = true; }, in(5s)), Entered::finished);
  EXPECT_TRUE(*seen);
}

TEST(Lane, SerialWorkNeverOverlaps) {
  Lane lane("serial", 1);
  auto inside = std::make_shared<std::atomic<int>>(0);
  auto most = std::make_shared<std::atomic<int>>(0);
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        const auto entered = lane.run(
            [=] {
              *most = std::max(most->load(), ++*inside);
              --*inside;
            },
            in(20s));
        EXPECT_EQ(entered, Entered::finished);
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(*most, 1);
}

TEST(Lane, ConcurrentWorkRunsSideBySideUpToItsLimit) {
  Lane lane("wide", 3);
  auto gate = std::make_shared<Gate>();
  auto inside = std::make_shared<std::atomic<int>>(0);
  auto most = std::make_shared<std::atomic<int>>(0);
  auto once = std::make_shared<std::once_flag>();
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&, gate, inside, most, once] {
      EXPECT_EQ(lane.run(
                    [=] {
                      const int now = ++*inside;
                      int seen = most->load();
                      while (now > seen && !most->compare_exchange_weak(seen, now)) {
                      }
                      if (now == 3) std::call_once(*once, [&] { gate->release.set_value(); });
                      gate->released.wait();
                      --*inside;
                    },
                    in(20s)),
                Entered::finished);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(*most, 3);
}

TEST(Lane, HungSerialCallIsAbandonedAndBlocksTheLaneUntilItReturns) {
  Lane lane("stuck", 1);
  auto gate = std::make_shared<Gate>();
  auto late = std::make_shared<std::promise<void>>();
  auto was_late = late->get_future();
  EXPECT_EQ(lane.run([gate] { gate->released.wait(); }, in(30ms), [late] { late->set_value(); }), Entered::abandoned);
  EXPECT_TRUE(lane.blocked());
  EXPECT_EQ(lane.hung(), 1);

  auto entered = std::make_shared<std::atomic<bool>>(false);
  EXPECT_EQ(lane.run([entered] { *entered = true; }, in(5s)), Entered::never) << "a serial plugin is not entered twice";

  gate->release.set_value();
  ASSERT_EQ(was_late.wait_for(10s), std::future_status::ready);
  EXPECT_FALSE(lane.blocked());
  EXPECT_FALSE(*entered);
  EXPECT_EQ(lane.run([entered] { *entered = true; }, in(10s)), Entered::finished);
}

TEST(Lane, WorkStillQueuedAtItsDeadlineNeverRuns) {
  Lane lane("queue", 1);
  auto gate = std::make_shared<Gate>();
  auto inside = gate->entered.get_future();
  std::thread first([&] {
    EXPECT_EQ(lane.run(
                  [gate] {
                    gate->entered.set_value();
                    gate->released.wait();
                  },
                  in(20s)),
              Entered::finished);
  });
  inside.wait();
  auto ran = std::make_shared<std::atomic<bool>>(false);
  EXPECT_EQ(lane.run([ran] { *ran = true; }, in(30ms)), Entered::never);
  gate->release.set_value();
  first.join();
  EXPECT_EQ(lane.run([] {}, in(10s)), Entered::finished);
  EXPECT_FALSE(*ran);
}

TEST(Lane, HungThreadsOfAConcurrentPluginAreReplacedOnlySoOften) {
  Lane lane("replaced", 2);
  auto gate = std::make_shared<Gate>();
  for (int i = 0; i < 4; ++i) {
    ASSERT_FALSE(lane.blocked());
    EXPECT_EQ(lane.run([gate] { gate->released.wait(); }, in(20ms)), Entered::abandoned);
  }
  EXPECT_TRUE(lane.blocked());
  EXPECT_EQ(lane.run([] {}, in(5s)), Entered::never);
  gate->release.set_value();
  EXPECT_TRUE(lane.drain(in(10s)));
}

TEST(Lane, DrainEndsAlthoughACallHangs) {
  auto lane = std::make_unique<Lane>("drain", 1);
  auto gate = std::make_shared<Gate>();
  EXPECT_EQ(lane->run([gate] { gate->released.wait(); }, in(20ms)), Entered::abandoned);
  EXPECT_FALSE(lane->drain(in(30ms)));
  EXPECT_EQ(lane->run([] {}, in(1s)), Entered::never);
  lane.reset();
  gate->release.set_value();  // returns into a lane that is gone
}

}  // namespace
}  // namespace bursar::plugin_host
