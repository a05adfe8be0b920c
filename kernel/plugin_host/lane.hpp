// The threads of one plugin instance. A plugin's code runs here and nowhere else, so that a call that hangs holds up
// its own instance alone: the caller waits until its deadline and goes on without it.
//
// A `serial` plugin is never entered while it is inside a call, so one that hangs takes no further call until it
// returns. A concurrent one declared that it can be entered side by side; its hung threads are replaced, at most as
// many as its concurrency, and then it takes no further call either.
//
// A thread in foreign code can't be ended. One that never returns stays until the process exits; everything it can
// touch is owned by the work itself (hold it by shared_ptr), so nothing is pulled away under it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace bursar::plugin_host {

enum class Entered {
  finished,   // the work ran to its end before the deadline
  never,      // the deadline passed, or the lane is blocked, before the work began: certain that it did not run
  abandoned,  // it began and has not ended; it may still do anything
};

class Lane {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // `concurrency` 1 is a serial plugin.
  Lane(std::string name, int concurrency);
  // Leaves behind what still runs; drain() first.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Runs `work` on a thread of the lane. Work must not throw and must own what it touches; it may run after this
  // returned `abandoned`. `late` runs after abandoned work ended after all, on the lane's thread.
  Entered run(std::function<void()> work, Deadline deadline, std::function<void()> late = {});

  [[nodiscard]] bool blocked() const;  // every thread it may have hangs
  [[nodiscard]] int hung() const;      // calls that were abandoned and have not returned
  // Takes no further work and waits until nothing runs; false: something still hung at the deadline.
  bool drain(Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace bursar::plugin_host
