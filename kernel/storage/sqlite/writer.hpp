// The one thread that writes. Callers queue their work and wait; all that wait together share one physical transaction
// and so one sync to disk (group commit).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "storage/sqlite/signal.hpp"
#include "storage/sqlite/transaction.hpp"

namespace bursar::storage::sqlite {

class Writer {
 public:
  explicit Writer(std::unique_ptr<SqliteConnection> connection);
  ~Writer();  // finishes what is queued
  // Blocks until the work is durable or rolled back; throws what the work threw, or StorageError.
  void run(const char* what, const std::function<bool(Transaction&)>& work);
  [[nodiscard]] std::uint64_t foreground_waits() const { return foreground_waits_.load(std::memory_order_relaxed); }

 private:
  struct Job {
    const char* what;
    const std::function<bool(Transaction&)>* work;
    std::string request_id;
    bool committed = false;  // its part of the shared transaction stands
    std::exception_ptr error = nullptr;
    std::vector<std::function<void()>> after_commit = {};
    std::shared_ptr<Signal> done = Signal::of_this_thread();
  };
  void loop();
  void run_group(std::unique_lock<std::mutex>& lock);
  void run_job(Job& job);
  void run_work(Job& job);
  void begin(bool nested);
  void roll_back(bool nested);
  void commit(std::vector<Job*>& group);

  std::unique_ptr<SqliteConnection> connection_;
  IdBlock ids_;
  bool open_ = false;  // a physical transaction is open
  int kept_ = 0;       // jobs in it that will commit
  bool lost_ = false;  // SQLite itself rolled it back (disk full, I/O error)
  std::mutex mutex_;
  std::condition_variable queued_;
  std::deque<Job*> queue_;
  bool busy_ = false;  // a group is under way
  std::atomic<std::uint64_t> foreground_waits_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace bursar::storage::sqlite
