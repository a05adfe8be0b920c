// Limits how often one caller may ask (the generic cell rate algorithm: a burst, then a steady rate). Kept in memory,
// for each process apart: it protects this process's workers. What guards passwords is the login throttle in the
// database.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bursar::http {

struct Rate {
  std::string_view name;        // of the policy, in the RateLimit headers
  std::int64_t per_second = 0;  // 0: no limit
  std::int64_t burst = 0;
};

struct LimitDecision {
  bool allowed = true;
  std::int64_t remaining = 0;
  std::int64_t retry_after_seconds = 0;
};

class Limiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  LimitDecision take(const Rate& rate, std::string_view caller, TimePoint now);

 private:
  static constexpr std::size_t shards = 16;
  static constexpr std::size_t callers_per_shard = 8192;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, TimePoint> full_at;  // when the caller's burst is whole again
  };
  std::array<Shard, shards> shards_;
};

}  // namespace bursar::http
