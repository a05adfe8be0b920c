// What a thread that waits for the writer sleeps on. One semaphore a thread instead of a condition variable under the
// writer's lock: whoever is woken under a lock goes straight to sleep again on it.
#pragma once

#include <semaphore.h>

#include <memory>

#include "base/assert.hpp"

namespace bursar::storage::sqlite {

class Signal {
 public:
  Signal() {
    const int made = ::sem_init(&semaphore_, 0, 0);
    BURSAR_ASSERT(made == 0);
  }
  ~Signal() { ::sem_destroy(&semaphore_); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void give() { ::sem_post(&semaphore_); }
  void wait() {
    while (::sem_wait(&semaphore_) != 0) {  // a signal handler ran
    }
  }

  // Shared, as the thread may end before give() has returned.
  static const std::shared_ptr<Signal>& of_this_thread() {
    thread_local const auto signal = std::make_shared<Signal>();
    return signal;
  }

 private:
  sem_t semaphore_;
};

}  // namespace bursar::storage::sqlite
