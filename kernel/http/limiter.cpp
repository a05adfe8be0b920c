#include "http/limiter.hpp"

#include <algorithm>
#include <functional>

namespace bursar::http {

LimitDecision Limiter::take(const Rate& rate, std::string_view caller, TimePoint now) {
  if (rate.per_second <= 0) return {};
  std::string key = std::string(rate.name) + ":" + std::string(caller);
  Shard& shard = shards_[std::hash<std::string>{}(key) % shards];
  const std::chrono::nanoseconds each(1'000'000'000 / rate.per_second);
  const std::chrono::nanoseconds whole = each * rate.burst;
  const std::lock_guard lock(shard.mutex);
  if (shard.full_at.size() >= callers_per_shard) {
    for (auto at = shard.full_at.begin(); at != shard.full_at.end();) {
      at = at->second <= now ? shard.full_at.erase(at) : std::next(at);
    }
  }
  const auto [at, is_new] = shard.full_at.try_emplace(std::move(key), now);
  const TimePoint next = std::max(at->second, now) + each;
  if (next - now > whole) {
    const auto wait = std::chrono::duration_cast<std::chrono::seconds>(next - now - whole).count();
    return {.allowed = false, .remaining = 0, .retry_after_seconds = wait + 1};
  }
  at->second = next;
  return {.allowed = true, .remaining = (whole - (next - now)) / each, .retry_after_seconds = 0};
}

}  // namespace bursar::http
