// A clock that stands still until a test moves it. Safe to read from any thread.
#pragma once

#include <atomic>

#include "base/time.hpp"

namespace bursar::test {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant now) : seconds_(now.unix_seconds()) {}
  // "2027-01-31T03:00:00Z"
  explicit ManualClock(std::string_view now = "2027-01-01T00:00:00Z") : ManualClock(Instant::parse(now).value()) {}
  [[nodiscard]] Instant now() const override { return Instant(seconds_.load()); }
  void set(Instant now) { seconds_ = now.unix_seconds(); }
  void set(std::string_view now) { set(Instant::parse(now).value()); }
  void advance(Duration by) { seconds_ += by.seconds; }

 private:
  std::atomic<std::int64_t> seconds_;
};

}  // namespace bursar::test
