// Leaving a provider alone that asks for fewer requests (429, RFC 6585). One for each account, shared by the calls of
// an instance, as providers count requests by account. Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <bursar/host.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>

namespace plugin_support {

class Backoff {
 public:
  explicit Backoff(bursar::Host host) : host_(host) {}  // needs BURSAR_RANDOM_ID

  // Until the next request may be sent; zero: now.
  [[nodiscard]] bursar::Milliseconds left() const {
    return bursar::Milliseconds(std::max<std::int64_t>(0, quiet_until_.load() - now()));
  }

  // After a 429: as long as its Retry-After says, in seconds, else longer with each refusal in a row. The random part
  // keeps several nodes from coming back together.
  void refused(const bursar::HttpResponse& response) {
    const std::string_view header = response.header("retry-after");
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
    const bool told = error == std::errc() && end == header.data() + header.size() && seconds > 0;
    const int refusals = std::min(refusals_.fetch_add(1), 6);
    const std::int64_t least = told ? std::min(seconds, longest_seconds) * 1000 : std::int64_t{500} << refusals;
    std::uint8_t random = 0;
    host_.random(&random, sizeof random);
    const std::int64_t until = now() + least + least * random / 1024;
    std::int64_t before = quiet_until_.load();
    while (before < until && !quiet_until_.compare_exchange_weak(before, until)) {
    }
  }

  // After any other answer.
  void answered() { refusals_ = 0; }

 private:
  // Longer than this no provider is believed to want to be left alone.
  static constexpr std::int64_t longest_seconds = 5 * 60;

  static std::int64_t now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<bursar::Milliseconds>(since).count();
  }

  bursar::Host host_;
  std::atomic<std::int64_t> quiet_until_{0};  // by the steady clock, in milliseconds
  std::atomic<int> refusals_{0};
};

}  // namespace plugin_support
