#include "storage/sqlite/writer.hpp"

#include <chrono>
#include <optional>

#include "base/log.hpp"
#include "storage/failpoints.hpp"
#include "storage/foreground.hpp"
#include "storage/inside.hpp"

namespace bursar::storage::sqlite {
namespace {

using Steady = std::chrono::steady_clock;
// A group ends when nobody waits any more, or when its first members have waited long enough.
constexpr auto group_time = std::chrono::milliseconds(10);
constexpr std::size_t group_size = 256;
constexpr auto slow = std::chrono::seconds(2);

}  // namespace

Writer::Writer(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)), thread_([this] { loop(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queued_.notify_one();
  thread_.join();
}

void Writer::run(const char* what, const std::function<bool(Transaction&)>& work) {
  { const detail::InsideScope not_nested; }
  Job job{.what = what, .work = &work, .request_id = std::string(log::request_id())};
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = queue_.empty();
    if (ForegroundScope::here() && (busy_ || !first)) foreground_waits_.fetch_add(1, std::memory_order_relaxed);
    queue_.push_back(&job);
  }
  if (first) queued_.notify_one();
  job.done->wait();
  if (job.error != nullptr) std::rethrow_exception(job.error);
  for (auto& action : job.after_commit) action();
}

void Writer::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    queued_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    busy_ = true;
    run_group(lock);
    busy_ = false;
  }
}

void Writer::run_group(std::unique_lock<std::mutex>& lock) {
  std::vector<Job*> group;
  const auto started = Steady::now();
  while (!queue_.empty() && group.size() < group_size && !lost_ && Steady::now() - started < group_time) {
    group.push_back(queue_.front());
    queue_.pop_front();
    lock.unlock();
    run_job(*group.back());
    lock.lock();
  }
  lock.unlock();
  commit(group);
  for (auto* job : group) {
    const auto done = job->done;  // the job ends with the call of give()
    done->give();
  }
  lock.lock();
}

void Writer::run_job(Job& job) {
  // The first job of a group needs no savepoint: if it fails there is nothing else to keep.
  const bool nested = kept_ > 0;
  const auto started = Steady::now();
  try {
    begin(nested);
    run_work(job);
    if (job.committed && nested) connection_->exec("RELEASE job");
  } catch (...) {
    job.error = std::current_exception();
    job.committed = false;
  }
  if (open_ && sqlite3_get_autocommit(connection_->get()) != 0) {
    open_ = false;
    lost_ = true;
    ids_.forget();
    return;
  }
  if (!job.committed) {
    roll_back(nested);
    return;
  }
  ++kept_;
  const auto took = Steady::now() - started;
  if (took > slow) {
    log::warning(
        "slow_transaction",
        {{"name", job.what}, {"milliseconds", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
  }
}

void Writer::run_work(Job& job) {
  const detail::InsideScope inside;
  const log::RequestScope request(job.request_id);
  SqliteTransaction transaction(*connection_, ids_);
  const bool wanted = (*job.work)(transaction);
  BURSAR_ASSERT(connection_->leases() == 0 && "rows outlive their transaction");
  if (wanted && transaction.failed()) {
    throw StorageError("a statement of this transaction has failed, it cannot commit", false);
  }
  job.committed = wanted;
  job.after_commit = transaction.take_after_commit();
  if (!wanted) job.after_commit.clear();
}

void Writer::begin(bool nested) {
  if (nested) {
    connection_->exec("SAVEPOINT job");
  } else {
    connection_->exec("BEGIN IMMEDIATE");
    open_ = true;
  }
}

void Writer::roll_back(bool nested) {
  ids_.forget();
  if (!open_) return;
  try {
    if (nested) {
      connection_->exec("ROLLBACK TO job; RELEASE job");
      return;
    }
    connection_->exec("ROLLBACK");
  } catch (const StorageError& failure) {
    // Nothing that shares this physical transaction can be kept.
    log::error("rollback_failed", {{"detail", failure.what()}});
    sqlite3_exec(connection_->get(), "ROLLBACK", nullptr, nullptr, nullptr);
    lost_ = true;
  }
  open_ = false;
}

void Writer::commit(std::vector<Job*>& group) {
  std::optional<StorageError> error;
  if (lost_) {
    error.emplace("SQLite rolled the shared transaction back, see the log", true);
  } else if (open_) {
    try {
      failpoints::before_commit();
      connection_->exec("COMMIT");
      failpoints::after_commit();
    } catch (const StorageError& failure) {
      error = failure;
      log::error("commit_failed", {{"detail", failure.what()}});
      if (sqlite3_get_autocommit(connection_->get()) == 0) connection_->exec("ROLLBACK");
      ids_.forget();
    }
  }
  open_ = false;
  lost_ = false;
  kept_ = 0;
  if (!error) return;
  for (auto* job : group) {
    // An object each: they are thrown and let go of on threads that know nothing of each other.
    if (job->committed) job->error = std::make_exception_ptr(StorageError(error->what(), error->transient()));
  }
}

}  // namespace bursar::storage::sqlite
