#include "storage/postgresql/pool.hpp"

#include <algorithm>
#include <random>

#include "base/log.hpp"

namespace bursar::storage::postgresql {
namespace {
using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr auto wait_limit = std::chrono::seconds(30);
}  // namespace

milliseconds jittered(milliseconds base, int attempt, milliseconds limit) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto full = std::min<std::int64_t>(base.count() << std::min(attempt, 20), limit.count());
  return milliseconds(std::uniform_int_distribution<std::int64_t>(full / 2, full)(random));
}

Pool::Lease Pool::take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool free = returned_.wait_for(lock, wait_limit, [&] { return !idle_.empty() || open_ < size_; });
    if (!free) throw StorageError("no PostgreSQL connection became free in 30 seconds", true);
    if (idle_.empty()) break;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->usable()) return {*this, std::move(connection)};
    --open_;  // the server has hung up meanwhile
  }
  if (Steady::now() < not_before_) throw ConnectionLost("PostgreSQL could not be reached a moment ago");
  ++open_;
  lock.unlock();
  return {*this, connect()};
}

std::unique_ptr<PgConnection> Pool::connect() {
  try {
    auto connection = std::make_unique<PgConnection>(conninfo_, prepared_statements_);
    const std::lock_guard lock(mutex_);
    pause_ = milliseconds(0);
    return connection;
  } catch (const StorageError& error) {
    {
      const std::lock_guard lock(mutex_);
      --open_;
      pause_ = std::clamp(pause_ * 2, milliseconds(100), milliseconds(5000));
      not_before_ = Steady::now() + jittered(pause_, 0, pause_);
    }
    returned_.notify_one();
    log::warning("postgresql_unreachable", {{"detail", error.what()}});
    throw;
  }
}

void Pool::give_back(std::unique_ptr<PgConnection> connection) {
  {
    const bool usable = connection->usable();
    const std::lock_guard lock(mutex_);
    if (usable) {
      idle_.push_back(std::move(connection));
    } else {
      --open_;
    }
  }
  returned_.notify_one();
}

}  // namespace bursar::storage::postgresql
