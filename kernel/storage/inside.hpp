// Guards the rule that read() and write() are never called inside each other: with one writer, or a small pool, that is
// a deadlock.
#pragma once

#include "base/assert.hpp"

namespace bursar::storage::detail {

class InsideScope {
 public:
  InsideScope() {
    BURSAR_ASSERT(!inside_ && "read() or write() called inside another one");
    inside_ = true;
  }
  ~InsideScope() { inside_ = false; }
  InsideScope(const InsideScope&) = delete;
  InsideScope& operator=(const InsideScope&) = delete;

 private:
  static inline thread_local bool inside_ = false;
};

}  // namespace bursar::storage::detail
