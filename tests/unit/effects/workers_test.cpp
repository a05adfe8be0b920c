// Many effects, many threads, several workers.
#include <atomic>
#include <condition_variable>
#include <thread>

#include "double.hpp"

namespace bursar::effects::testing {
namespace {

// Holds callers until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool wait_for(int callers) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return waiting_ >= callers; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

class WorkersTest : public EffectsTest {
 protected:
  std::vector<NewEffect> many(int count, const std::string& instance) {
    std::vector<NewEffect> out;
    for (int i = 0; i < count; ++i) out.push_back(charge(instance + ":" + std::to_string(i), instance));
    return out;
  }
  bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, WorkersTest, test::backends());

TEST_P(WorkersTest, an_instance_never_has_more_calls_at_the_same_time_than_it_allows) {
  record_now(many(60, "cards"));
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  Outside outside("charge", 3);
  outside.on_perform = [&](const Effect&) {
    const int calls = ++now;
    int seen = most.load();
    while (calls > seen && !most.compare_exchange_weak(seen, calls)) {
    }
    std::this_thread::yield();
    --now;
    return Outcome{.verdict = Verdict::done};
  };
  Workers workers(*db_, clock_, {&outside}, {.threads = 16});
  workers.drain();
  EXPECT_EQ(outside.total(), 60U);
  EXPECT_LE(most, 3);
  EXPECT_EQ(workers.counts().recorded, 0);
}

TEST_P(WorkersTest, a_hanging_instance_holds_up_no_other) {
  record_now(many(40, "slow"));
  record_now(many(40, "zippy"));
  Gate gate;
  std::atomic<int> zippy = 0;
  Outside outside("charge", 100);
  outside.on_perform = [&](const Effect& effect) {
    if (effect.instance == "slow") {
      gate.pass();
    } else {
      ++zippy;
    }
    return Outcome{.verdict = Verdict::done};
  };
  Workers workers(*db_, clock_, {&outside}, {.threads = 8});
  workers.start();
  EXPECT_TRUE(gate.wait_for(4));
  EXPECT_TRUE(eventually([&] { return zippy == 40; })) << zippy;
  gate.open();
  workers.drain();
  EXPECT_EQ(outside.total(), 80U);
}

TEST_P(WorkersTest, the_limit_of_an_instance_holds_over_all_kinds_of_effects) {
  std::vector<NewEffect> effects;
  for (const char* kind : {"charge", "refund"}) {
    for (int i = 0; i < 30; ++i) {
      effects.push_back({.kind = kind,
                         .key = std::string(kind) + ":" + std::to_string(i),
                         .instance = "cards",
                         .account = AccountId(1)});
    }
  }
  record_now(effects);
  std::atomic<int> now = 0, most = 0;
  const auto call = [&](const Effect&) {
    const int calls = ++now;
    int seen = most.load();
    while (calls > seen && !most.compare_exchange_weak(seen, calls)) {
    }
    std::this_thread::yield();
    --now;
    return Outcome{.verdict = Verdict::done};
  };
  Outside charges("charge", 3), refunds("refund", 3);
  charges.on_perform = refunds.on_perform = call;
  Workers workers(*db_, clock_, {&charges, &refunds}, {.threads = 16});
  workers.drain();
  EXPECT_EQ(charges.total() + refunds.total(), 60U);
  EXPECT_LE(most, 3);
}

TEST_P(WorkersTest, an_instance_that_hangs_in_calls_of_every_kind_holds_up_no_other) {
  std::vector<NewEffect> effects;
  for (const char* kind : {"charge", "refund", "complete"}) {
    for (int i = 0; i < 20; ++i) {
      effects.push_back({.kind = kind,
                         .key = std::string(kind) + ":" + std::to_string(i),
                         .instance = "slow",
                         .account = AccountId(1)});
    }
  }
  record_now(effects);
  record_now(many(40, "zippy"));
  Gate gate;
  std::atomic<int> zippy = 0;
  Outside charges("charge", 100), refunds("refund", 100), completes("complete", 100);
  charges.on_perform = refunds.on_perform = completes.on_perform = [&](const Effect& effect) {
    if (effect.instance == "slow") {
      gate.pass();
    } else {
      ++zippy;
    }
    return Outcome{.verdict = Verdict::done};
  };
  Workers workers(*db_, clock_, {&charges, &refunds, &completes}, {.threads = 8});
  workers.start();
  EXPECT_TRUE(gate.wait_for(4));
  EXPECT_TRUE(eventually([&] { return zippy == 40; })) << zippy;
  gate.open();
  workers.drain();
  EXPECT_EQ(charges.total() + refunds.total() + completes.total(), 100U);
}

TEST_P(WorkersTest, started_workers_pick_up_what_is_recorded_and_stop_after_the_calls_under_way) {
  Outside outside;
  Workers workers(*db_, clock_, {&outside});
  workers.start();
  record_now(many(5, "cards"));
  workers.wake();
  EXPECT_TRUE(eventually([&] { return outside.total() == 5; }));
  workers.stop();
  record_now({charge("after the end")});
  EXPECT_EQ(state("cards:4"), "done");
  EXPECT_EQ(state("after the end"), "recorded");
}

TEST_P(WorkersTest, one_thread_performs_one_by_one) {
  record_now(many(5, "b"));
  record_now(many(5, "a"));
  std::atomic<int> now = 0;
  Outside outside;
  outside.on_perform = [&](const Effect&) {
    EXPECT_EQ(++now, 1);
    --now;
    return Outcome{.verdict = Verdict::done};
  };
  Workers workers(*db_, clock_, {&outside}, {.threads = 1});
  workers.drain();
  EXPECT_EQ(outside.total(), 10U);
}

TEST_P(WorkersTest, two_workers_on_one_database_perform_each_effect_once) {
  record_now(many(150, "cards"));
  record_now(many(50, "wallet"));
  auto second_process =
      GetParam() == storage::Backend::postgresql ? storage::Database::open(db_.url()).value() : nullptr;
  storage::Database& other = second_process != nullptr ? *second_process : *db_;
  Outside outside("charge", 8);
  {
    Workers left(*db_, clock_, {&outside}, {.threads = 8});
    Workers right(other, clock_, {&outside}, {.threads = 8});
    const std::jthread one([&] { left.drain(); });
    const std::jthread two([&] { right.drain(); });
  }
  EXPECT_EQ(outside.total(), 200U);
  for (int i = 0; i < 150; ++i) EXPECT_EQ(outside.performs("cards:" + std::to_string(i)), 1);
  Workers after(*db_, clock_, {&outside});
  after.drain();
  EXPECT_EQ(after.counts().in_flight, 0);
  EXPECT_EQ(outside.total(), 200U);
}

TEST_P(WorkersTest, a_worker_that_comes_back_after_its_lease_ran_out_changes_nothing) {
  record_now({charge("a")});
  Gate gate;
  Outside paused;
  std::atomic<int> settled = 0;
  paused.on_perform = [&](const Effect&) {
    gate.pass();
    return Outcome{.verdict = Verdict::failed};
  };
  paused.on_settle = [&](storage::Transaction&, const Effect&, Outcome&, Instant) { ++settled; };
  Outside lively;
  Workers first(*db_, clock_, {&paused}, {.lease_clock = &real_time_});
  first.start();
  ASSERT_TRUE(gate.wait_for(1));
  real_time_.advance(minutes(6));
  Workers second(*db_, clock_, {&lively}, {.lease_clock = &real_time_});
  second.drain();
  EXPECT_EQ(lively.performs("a"), 0);
  EXPECT_EQ(lively.inspects("a"), 1);
  EXPECT_EQ(state("a"), "done");
  gate.open();
  first.stop();
  EXPECT_EQ(settled, 0);
  EXPECT_EQ(state("a"), "done");
}

TEST_P(WorkersTest, a_call_longer_than_its_lease_is_not_inspected_beside_by_its_own_process) {
  record_now({charge("a")});
  Gate gate;
  Outside outside;
  outside.on_perform = [&](const Effect&) {
    gate.pass();
    return Outcome{.verdict = Verdict::done};
  };
  Workers workers(*db_, clock_, {&outside}, {.lease_clock = &real_time_});
  workers.start();
  ASSERT_TRUE(gate.wait_for(1));
  real_time_.advance(hours(1));
  record_now({charge("b", "wallet")});
  workers.wake();
  EXPECT_TRUE(gate.wait_for(2));
  EXPECT_EQ(outside.inspects("a"), 0);
  gate.open();
  workers.drain();
  EXPECT_EQ(state("a"), "done");
  EXPECT_EQ(outside.inspects("a"), 0);
}

}  // namespace
}  // namespace bursar::effects::testing
