// Answers of many clients, measured one by one, as one line of JSON.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace bursar::bench {

using Clock = std::chrono::steady_clock;

inline std::int64_t microseconds_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

// `by_client`: microseconds. Answers the exit code: nothing measured is a failure.
inline int print_latencies(const std::vector<std::vector<std::int64_t>>& by_client, double seconds,
                           std::int64_t errors) {
  std::vector<std::int64_t> all;
  for (const auto& mine : by_client) all.insert(all.end(), mine.begin(), mine.end());
  if (all.empty()) {
    std::fprintf(stderr, "no request succeeded, %lld failed\n", static_cast<long long>(errors));
    return 1;
  }
  std::sort(all.begin(), all.end());
  std::printf("{\"count\": %zu, \"errors\": %lld, \"rate\": %.1f, \"p50_us\": %lld, \"p99_us\": %lld}\n", all.size(),
              static_cast<long long>(errors), static_cast<double>(all.size()) / seconds,
              static_cast<long long>(all[all.size() / 2]), static_cast<long long>(all[all.size() * 99 / 100]));
  return 0;
}

}  // namespace bursar::bench
