#include "plugin_host/lane.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace bursar::plugin_host {
namespace {

struct Job {
  enum class Phase { queued, running, done, cancelled };
  std::function<void()> work;
  std::function<void()> late;
  Phase phase = Phase::queued;
  bool abandoned = false;
  std::condition_variable changed;
};

}  // namespace

struct Lane::State {
  State(std::string name_, int concurrency_)
      : name(std::move(name_)), concurrency(concurrency_), threads_max(concurrency_ == 1 ? 1 : 2 * concurrency_) {}

  const std::string name;
  const int concurrency;  // calls inside at once, hung ones not counted
  const int threads_max;
  std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable became_idle;
  std::deque<std::shared_ptr<Job>> queue;
  int threads = 0;
  int running = 0;  // hung ones included
  int hung = 0;
  bool closing = false;

  [[nodiscard]] bool blocked() const { return hung >= threads_max; }
  [[nodiscard]] bool needs_thread() const {
    return threads - running < static_cast<int>(queue.size()) && threads - hung < concurrency && threads < threads_max;
  }
  // A thread too many exists once one that hung came back after it was replaced.
  [[nodiscard]] bool has_spare() const { return threads - hung > concurrency; }

  void finish(const std::shared_ptr<Job>& job, std::unique_lock<std::mutex>& lock);
  static void serve(const std::shared_ptr<State>& state);
  // Starts one more thread where that helps. No thread to be had is as if it were busy.
  static void add_thread(const std::shared_ptr<State>& state);
};

void Lane::State::finish(const std::shared_ptr<Job>& job, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  job->work();
  lock.lock();
  --running;
  const bool was_abandoned = job->abandoned;
  if (was_abandoned) --hung;
  job->phase = Job::Phase::done;
  job->changed.notify_all();
  auto work = std::move(job->work);
  auto late = std::move(job->late);
  lock.unlock();
  if (was_abandoned && late) late();
  late = nullptr;
  work = nullptr;  // what the work owns goes away here, not under the lock
  lock.lock();
}

void Lane::State::serve(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    state->work_came.wait(lock, [&] { return state->closing || !state->queue.empty() || state->has_spare(); });
    if (state->queue.empty() || state->has_spare()) break;
    auto job = std::move(state->queue.front());
    state->queue.pop_front();
    if (job->phase == Job::Phase::cancelled) continue;
    job->phase = Job::Phase::running;
    ++state->running;
    state->finish(job, lock);
  }
  --state->threads;
  if (!state->queue.empty()) state->work_came.notify_one();
  if (state->threads == 0) state->became_idle.notify_all();
}

void Lane::State::add_thread(const std::shared_ptr<State>& state) {
  if (!state->needs_thread()) return;
  try {
    std::thread([state] { serve(state); }).detach();
    ++state->threads;
  } catch (const std::system_error& error) {
    log::error("plugin_thread_failed", {{"instance", state->name}, {"error", error.what()}});
  }
}

Lane::Lane(std::string name, int concurrency) : state_(std::make_shared<State>(std::move(name), concurrency)) {
  BURSAR_ASSERT(concurrency >= 1);
}

Lane::~Lane() { drain(std::chrono::steady_clock::now()); }

Entered Lane::run(std::function<void()> work, Deadline deadline, std::function<void()> late) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  job->late = std::move(late);
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  if (state.closing || state.blocked()) return Entered::never;
  state.queue.push_back(job);
  State::add_thread(state_);
  state.work_came.notify_one();
  job->changed.wait_until(lock, deadline, [&] { return job->phase == Job::Phase::done; });
  switch (job->phase) {
    case Job::Phase::done:
      return Entered::finished;
    case Job::Phase::queued:
      job->phase = Job::Phase::cancelled;
      return Entered::never;
    case Job::Phase::cancelled:
      return Entered::never;
    case Job::Phase::running:
      break;
  }
  job->abandoned = true;
  ++state.hung;
  State::add_thread(state_);
  return Entered::abandoned;
}

bool Lane::blocked() const {
  const std::lock_guard lock(state_->mutex);
  return state_->blocked();
}

int Lane::hung() const {
  const std::lock_guard lock(state_->mutex);
  return state_->hung;
}

bool Lane::drain(Deadline deadline) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  state.closing = true;
  for (auto& job : state.queue) {
    if (job->phase == Job::Phase::queued) job->phase = Job::Phase::cancelled;
    job->changed.notify_all();
  }
  state.queue.clear();
  state.work_came.notify_all();
  return state.became_idle.wait_until(lock, deadline, [&] { return state.threads == 0; });
}

}  // namespace bursar::plugin_host
