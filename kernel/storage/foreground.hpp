// Whether somebody waits for what the calling thread does: a client for the answer to its request, say. Work of our own
// gives way to it (scheduler/pace.hpp).
#pragma once

namespace bursar::storage {

class ForegroundScope {
 public:
  explicit ForegroundScope(bool foreground) : outer_(foreground_) { foreground_ = foreground; }
  ~ForegroundScope() { foreground_ = outer_; }
  ForegroundScope(const ForegroundScope&) = delete;
  ForegroundScope& operator=(const ForegroundScope&) = delete;

  static bool here() { return foreground_; }

 private:
  static inline thread_local bool foreground_ = false;
  bool outer_;
};

}  // namespace bursar::storage
