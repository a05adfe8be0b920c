// The limit of durable writes over the API: a bare group commit. CLIENTS threads each hand one payment's rows to one
// writer, which writes what waits in one transaction of one sync and then lets them go on.
//
//   bench-baseline-commit WORK.db CLIENTS SECONDS COMMITS
//
// WORK is a copy of the store that the API is measured on. COMMITS: how many a payment waits for, one after the other;
// the first writes its rows, each further one what became of it. Prints the payments a second and the latencies.
#include <sqlite3.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/latency.hpp"

namespace {

using bursar::bench::Clock;

void check(int code, sqlite3* db) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(db));
}

struct Waiting {
  std::int64_t id = 0;
  bool first = true;  // of its payment's commits
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
    check(sqlite3_prepare_v3(
              db, "UPDATE effects SET state = 'waiting', attempts = attempts + 1, outcome = 'asked' WHERE id = ?1 + 1",
              -1, SQLITE_PREPARE_PERSISTENT, &further_, nullptr),
          db);
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
        if (!waiting->first) run(further_, waiting->id);
        for (sqlite3_stmt* statement : statements_) {
          if (waiting->first) run(statement, waiting->id);
        }
      }
      check(sqlite3_exec(db_, "COMMIT", nullptr, nullptr, nullptr), db_);
      lock.lock();
      for (Waiting* waiting : batch) waiting->done = true;
      finished_.notify_all();
    }
  }

  void run(sqlite3_stmt* statement, std::int64_t id) {
    sqlite3_bind_int64(statement, 1, id);
    check(sqlite3_step(statement), db_);
    sqlite3_reset(statement);
  }

  sqlite3* db_;
  std::vector<sqlite3_stmt*> statements_;
  sqlite3_stmt* further_ = nullptr;
  std::mutex mutex_;
  std::condition_variable arrived_, finished_;
  std::deque<Waiting*> queue_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: bench-baseline-commit WORK.db CLIENTS SECONDS COMMITS\n", stderr);
    return 2;
  }
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);  // as the product
  sqlite3* db = nullptr;
  check(sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr), db);
  check(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16384", nullptr,
                     nullptr, nullptr),
        db);
  GroupCommit writer(db);
  std::atomic<std::int64_t> next{std::int64_t{1} << 40};
  const int clients = std::atoi(argv[2]);
  const int commits = std::atoi(argv[4]);
  const auto started = Clock::now();
  const auto end = started + std::chrono::seconds(std::atoi(argv[3]));
  std::vector<std::vector<std::int64_t>> latencies(static_cast<std::size_t>(clients));
  std::vector<std::thread> threads;
  for (auto& mine : latencies) {
    threads.emplace_back([&] {
      while (Clock::now() < end) {
        const auto start = Clock::now();
        const std::int64_t id = next.fetch_add(4);
        for (int i = 0; i < commits; ++i) {
          Waiting waiting{.id = id, .first = i == 0};
          writer.commit(waiting);
        }
        mine.push_back(bursar::bench::microseconds_since(start));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.stop();
  return bursar::bench::print_latencies(latencies,
                                        static_cast<double>(bursar::bench::microseconds_since(started)) / 1e6, 0);
}
