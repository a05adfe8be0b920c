// A step that writes a row for each account it handles; the table's key makes work done twice a failure.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "scheduler/scheduler.hpp"
#include "support/clock.hpp"
#include "support/database.hpp"

namespace bursar::scheduler {

class AccountStep final : public Step {
 public:
  explicit AccountStep(std::string name, int accounts = 10, bool in_catch_up = true)
      : name_(std::move(name)), accounts_(accounts), in_catch_up_(in_catch_up) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] bool runs_in_catch_up() const override { return in_catch_up_; }

  [[nodiscard]] std::optional<Reach> reach() const override { return reaches; }
  [[nodiscard]] std::int64_t count_reached(storage::Connection&, const RunContext&) const override { return accounts_; }
  [[nodiscard]] std::int64_t count_all(storage::Connection&) const override { return all; }
  void set_accounts(int accounts) { accounts_ = accounts; }
  std::optional<Reach> reaches;
  std::int64_t all = 1000;

  // Called for each account; may throw.
  std::function<void(std::int64_t account)> before_account = [](std::int64_t) {};
  // Called at each chunk's beginning; may throw.
  std::function<void()> before_chunk = [] {};
  std::vector<RunContext> seen;         // one for each chunk
  std::vector<int> most_accounts = {};  // likewise

  ChunkResult run_chunk(storage::Transaction& tx, const RunContext& run, const ChunkRequest& request) override {
    seen.push_back(run);
    most_accounts.push_back(request.max_accounts);
    before_chunk();
    std::int64_t last = 0;
    std::from_chars(request.cursor.data(), request.cursor.data() + request.cursor.size(), last);
    ChunkResult result{.cursor = request.cursor, .finished = false, .counts = {}};
    int handled = 0;
    for (std::int64_t account = last + 1; account <= accounts_ && handled < request.max_accounts; ++account) {
      result.cursor = std::to_string(account);
      if (request.parked->contains(AccountId(account))) continue;
      *request.working_on = AccountId(account);
      before_account(account);
      tx.execute("INSERT INTO test_work (scheduled_at, step, account) VALUES ($1, $2, $3)", run.scheduled_at, name_,
                 account);
      ++handled;
    }
    if (handled > 0) result.counts["accounts"] = handled;
    result.finished = result.cursor == std::to_string(accounts_);
    return result;
  }

 private:
  std::string name_;
  int accounts_;
  bool in_catch_up_;
};

class SchedulerTest : public ::testing::TestWithParam<storage::Backend> {
 protected:
  SchedulerTest() : db(test::fresh_database(GetParam())) {
    db->write("make_table", [](storage::Transaction& tx) {
      tx.execute(
          "CREATE TABLE test_work (scheduled_at TEXT NOT NULL, step TEXT NOT NULL, account BIGINT NOT NULL, "
          "PRIMARY KEY (scheduled_at, step, account))");
    });
    options.lease_clock = &real_time;
    options.chunk_accounts = 4;
  }

  static settings::Job daily(bool catch_up = true) {
    return {.name = "daily",
            .cron = "0 19 * * *",
            .timezone = Zone::find("America/Los_Angeles").value(),
            .catch_up = catch_up};
  }
  std::unique_ptr<Scheduler> make(std::vector<Step*> steps, settings::Job job = daily()) {
    return Scheduler::create(*db, clock, {job}, {{job.name, std::move(steps)}}, options).value();
  }

  std::vector<RunStatus> runs(std::string_view job = "daily") {
    return db->read([&](storage::Connection& c) { return list_runs(c, job, std::nullopt, 1000); });
  }
  std::vector<std::int64_t> work(std::string_view step, std::string_view scheduled_at) {
    return db->read([&](storage::Connection& c) {
      auto rows = c.query("SELECT account FROM test_work WHERE step = $1 AND scheduled_at = $2 ORDER BY account", step,
                          scheduled_at);
      std::vector<std::int64_t> out;
      while (rows.next()) out.push_back(rows.integer(0));
      return out;
    });
  }
  static std::vector<std::int64_t> accounts_to(std::int64_t last) {
    std::vector<std::int64_t> out(static_cast<std::size_t>(last));
    std::iota(out.begin(), out.end(), 1);
    return out;
  }

  test::TestDatabase db;
  test::ManualClock clock{"2027-01-01T00:00:00Z"};
  test::ManualClock real_time{"2027-01-01T00:00:00Z"};
  Options options;
};

}  // namespace bursar::scheduler
