// An outside world for effects: it remembers each act by its key, and can be told how to answer.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "effects/effects.hpp"
#include "support/clock.hpp"
#include "support/database.hpp"

namespace bursar::effects::testing {

class Outside final : public Handler {
 public:
  explicit Outside(std::string kind = "charge", int limit = 4) : kind_(std::move(kind)), limit_(limit) {}

  [[nodiscard]] std::string_view kind() const override { return kind_; }
  [[nodiscard]] int concurrency(std::string_view) const override { return limit_; }
  Outcome perform(const Effect& effect) override {
    count(performed, effect.key);
    return on_perform ? on_perform(effect) : Outcome{.verdict = Verdict::done};
  }
  Outcome inspect(const Effect& effect) override {
    count(inspected, effect.key);
    return on_inspect ? on_inspect(effect) : Outcome{.verdict = Verdict::done};
  }
  void settle(storage::Transaction& tx, const Effect& effect, Outcome& outcome, Instant now) override {
    if (on_settle) on_settle(tx, effect, outcome, now);
  }

  int performs(const std::string& key) { return read(performed, key); }
  int inspects(const std::string& key) { return read(inspected, key); }
  std::size_t total() {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [key, times] : performed) sum += static_cast<std::size_t>(times);
    return sum;
  }

  std::function<Outcome(const Effect&)> on_perform;
  std::function<Outcome(const Effect&)> on_inspect;
  std::function<void(storage::Transaction&, const Effect&, Outcome&, Instant)> on_settle;

 private:
  using Counts = std::map<std::string, int>;
  void count(Counts& counts, const std::string& key) {
    const std::lock_guard lock(mutex_);
    ++counts[key];
  }
  int read(Counts& counts, const std::string& key) {
    const std::lock_guard lock(mutex_);
    return counts[key];
  }
  std::string kind_;
  int limit_;
  std::mutex mutex_;
  Counts performed;
  Counts inspected;
};

class EffectsTest : public ::testing::TestWithParam<storage::Backend> {
 protected:
  EffectsTest() : db_(test::fresh_database(GetParam())) {}

  std::int64_t record_now(const std::vector<NewEffect>& effects) {
    std::int64_t added = 0;
    db_->write("record", [&](storage::Transaction& tx) { added = record(tx, clock_.now(), effects); });
    return added;
  }
  static NewEffect charge(const std::string& key, const std::string& instance = "cards") {
    return {.kind = "charge", .key = key, .instance = instance, .account = AccountId(1), .object = 7};
  }
  std::string state(const std::string& key) { return column("SELECT state FROM effects WHERE key = $1", key); }
  std::string column(storage::Sql sql, const std::string& key) {
    return db_->read([&](storage::Connection& connection) {
      auto rows = connection.query(sql, key);
      return rows.next() ? rows.string(0) : std::string("no such effect");
    });
  }

  test::ManualClock clock_{"2027-03-01T12:00:00Z"};
  test::ManualClock real_time_{"2026-05-05T05:05:05Z"};
  test::TestDatabase db_;
};

}  // namespace bursar::effects::testing
