// Counters and histograms in the Prometheus text format. A metric is registered once (its name and labels together
// are unique) and then counted without a lock; it lives as long as the registry.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace bursar::http {

class Counter {
 public:
  void add(std::int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations in microseconds, shown in seconds.
class Histogram {
 public:
  static constexpr std::array<std::int64_t, 12> bounds_us = {
      500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000};
  void observe_us(std::int64_t microseconds);
  [[nodiscard]] std::int64_t count() const;
  void write(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<std::int64_t>, bounds_us.size() + 1> buckets_{};
  std::atomic<std::int64_t> sum_us_{0};
};

class Metrics {
 public:
  // `labels` as they are printed: R"(route="/me",status="200")"; values must hold no quote, backslash or line end.
  Counter& counter(std::string_view name, std::string_view help, std::string_view labels = "");
  Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels = "");
  // `read` is asked at each scrape, from any thread.
  void gauge(std::string_view name, std::string_view help, std::function<std::int64_t()> read);

  [[nodiscard]] std::string text() const;

 private:
  template <class T>
  struct Series {
    std::string labels;
    std::unique_ptr<T> value;
  };
  struct Family {
    std::string name;
    std::string help;
    std::vector<Series<Counter>> counters;
    std::vector<Series<Histogram>> histograms;
    std::function<std::int64_t()> gauge;
  };
  Family& family(std::string_view name, std::string_view help);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;
};

}  // namespace bursar::http
