// A fixed number of threads over a bounded queue, in order of arrival.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bursar::http {

class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t queue_length);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False: the queue is full, or the pool has stopped. `job` must not throw.
  bool try_post(std::function<void()> job);
  [[nodiscard]] std::size_t waiting() const;
  // Works off what is queued, then ends the threads.
  void stop();

 private:
  void run();
  const std::size_t queue_length_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bursar::http
