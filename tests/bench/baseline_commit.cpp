// The limit of durable writes over the API: a bare group commit. CLIENTS threads each hand one payment's rows to one
// writer, which writes what waits in one transaction of one sync and then lets them go on.
//
//   bench-baseline-commit WORK.db CLIENTS SECONDS
//
// WORK is a copy of the store that the API is measured on. Prints the payments a second and the latencies.
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

void check(int code, sqlite3* db) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(db));
}

struct Waiting {
  std::int64_t id = 0;
  bool done = false;
};

class GroupCommit {
 public:
  explicit GroupCommit(sqlite3* db) : db_(db) {
    for (const char* sql :
         {"INSERT INTO payments (id, account_id, gateway, origin, status, currency, amount, created_at) VALUES "
          "(?1, 1, 'bank', 'customer', 'pending', 'USD', 1000, '2027-02-01T03:00:00Z')",
          "INSERT INTO effects (id, kind, key, instance, account_id, object_id, state, next_at, created_at) VALUES "
          "(?1 + 1, 'charge', 'charge:' || ?1 || ':1', 'bank', 1, ?1, 'waiting', '2027-02-02T03:00:00Z', "
          "'2027-02-01T03:00:00Z')",
          "INSERT INTO audit_events (id, at, actor, account_id, action, object) VALUES "
          "(?1 + 2, '2027-02-01T03:00:00Z', 'user', 1, 'payment.create', ?1)",
          "INSERT INTO idempotency_keys (scope, route, key, body_hash, state, created_at, locked_until) VALUES "
          "('a1', 'pay', ?1, 'h', 'done', '2027-02-01T03:00:00Z', '2027-02-01T03:00:00Z')"}) {
      sqlite3_stmt* statement = nullptr;
      check(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr), db);
      statements_.push_back(statement);
    }
    writer_ = std::thread([this] { write(); });
  }
  void commit(Waiting& waiting) {
    std::unique_lock lock(mutex_);
    queue_.push_back(&waiting);
    arrived_.notify_one();
    finished_.wait(lock, [&] { return waiting.done; });
  }
  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    arrived_.notify_one();
    writer_.join();
  }

 private:
  void write() {
    std::unique_lock lock(mutex_);
    while (true) {
      arrived_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      std::deque<Waiting*> batch;
      batch.swap(queue_);
      lock.unlock();
      check(sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), db_);
      for (const Waiting* waiting : batch) {
        for (sqlite3_stmt* statement : statements_) {
          sqlite3_bind_int64(statement, 1, waiting->id);
          check(sqlite3_step(statement), db_);
          sqlite3_reset(statement);
        }
      }
      check(sqlite3_exec(db_, "COMMIT", nullptr, nullptr, nullptr), db_);
      lock.lock();
      for (Waiting* waiting : batch) waiting->done = true;
      finished_.notify_all();
    }
  }

  sqlite3* db_;
  std::vector<sqlite3_stmt*> statements_;
  std::mutex mutex_;
  std::condition_variable arrived_, finished_;
  std::deque<Waiting*> queue_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: bench-baseline-commit WORK.db CLIENTS SECONDS\n", stderr);
    return 2;
  }
  sqlite3* db = nullptr;
  check(sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr), db);
  check(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", nullptr, nullptr, nullptr), db);
  GroupCommit writer(db);
  std::atomic<std::int64_t> next{std::int64_t{1} << 40};
  const int clients = std::atoi(argv[2]);
  const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[3]));
  std::vector<std::vector<std::int64_t>> latencies(static_cast<std::size_t>(clients));
  std::vector<std::thread> threads;
  for (auto& mine : latencies) {
    threads.emplace_back([&] {
      while (Clock::now() < end) {
        const auto start = Clock::now();
        Waiting waiting{.id = next.fetch_add(4)};
        writer.commit(waiting);
        mine.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.stop();
  std::vector<std::int64_t> all;
  for (const auto& mine : latencies) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  if (all.empty()) return 1;
  std::printf("{\"rate\": %.1f, \"p50_us\": %lld, \"p99_us\": %lld}\n",
              static_cast<double>(all.size()) / std::atof(argv[3]), static_cast<long long>(all[all.size() / 2]),
              static_cast<long long>(all[all.size() * 99 / 100]));
  return 0;
}
