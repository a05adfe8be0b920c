// The connections of one process. They are opened when first needed; a server that cannot be reached is not asked again
// before a growing, jittered pause is over, so that its return is not met by a storm.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "storage/postgresql/connection.hpp"

namespace bursar::storage::postgresql {

class Pool {
 public:
  Pool(std::string conninfo, int size, bool prepared_statements)
      : conninfo_(std::move(conninfo)), size_(size), prepared_statements_(prepared_statements) {}

  // A connection taken out; goes back idle, or is closed if it cannot be used again.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<PgConnection> connection) : pool_(pool), connection_(std::move(connection)) {}
    Lease(Lease&&) = delete;
    ~Lease() { pool_.give_back(std::move(connection_)); }
    PgConnection& operator*() const { return *connection_; }
    PgConnection* operator->() const { return connection_.get(); }

   private:
    Pool& pool_;
    std::unique_ptr<PgConnection> connection_;
  };

  Lease take();  // throws ConnectionLost; StorageError when none gets free in time

 private:
  void give_back(std::unique_ptr<PgConnection> connection);
  std::unique_ptr<PgConnection> connect();

  const std::string conninfo_;
  const int size_;
  const bool prepared_statements_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<PgConnection>> idle_;
  int open_ = 0;
  std::chrono::milliseconds pause_{0};
  std::chrono::steady_clock::time_point not_before_{};
};

// `base` doubled `attempt` times, at most `limit`, then a random part from half to all of it.
std::chrono::milliseconds jittered(std::chrono::milliseconds base, int attempt, std::chrono::milliseconds limit);

}  // namespace bursar::storage::postgresql
