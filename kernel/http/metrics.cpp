#include "http/metrics.hpp"

#include <algorithm>

namespace bursar::http {

namespace {
// Microseconds as a decimal number of seconds, without floating point.
std::string seconds_text(std::int64_t microseconds) {
  std::string fraction = std::to_string(microseconds % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(microseconds / 1'000'000) + "." + fraction;
}

void line(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
          std::string_view value) {
  out.append(name).append(suffix);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}
}  // namespace

void Histogram::observe_us(std::int64_t microseconds) {
  const auto bound = std::lower_bound(bounds_us.begin(), bounds_us.end(), microseconds);
  buckets_[static_cast<std::size_t>(bound - bounds_us.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(microseconds, std::memory_order_relaxed);
}

std::int64_t Histogram::count() const {
  std::int64_t all = 0;
  for (const auto& bucket : buckets_) all += bucket.load(std::memory_order_relaxed);
  return all;
}

void Histogram::write(std::string& out, std::string_view name, std::string_view labels) const {
  const std::string lead = labels.empty() ? std::string() : std::string(labels) + ",";
  std::int64_t below = 0;
  for (std::size_t i = 0; i < bounds_us.size(); ++i) {
    below += buckets_[i].load(std::memory_order_relaxed);
    line(out, name, "_bucket", lead + "le=\"" + seconds_text(bounds_us[i]) + "\"", std::to_string(below));
  }
  below += buckets_.back().load(std::memory_order_relaxed);
  line(out, name, "_bucket", lead + "le=\"+Inf\"", std::to_string(below));
  line(out, name, "_sum", labels, seconds_text(sum_us_.load(std::memory_order_relaxed)));
  line(out, name, "_count", labels, std::to_string(below));
}

Metrics::Family& Metrics::family(std::string_view name, std::string_view help) {
  for (const auto& f : families_) {
    if (f->name == name) return *f;
  }
  families_.push_back(std::make_unique<Family>());
  families_.back()->name = name;
  families_.back()->help = help;
  return *families_.back();
}

Counter& Metrics::counter(std::string_view name, std::string_view help, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  auto& series = family(name, help).counters;
  for (auto& s : series) {
    if (s.labels == labels) return *s.value;
  }
  series.push_back({std::string(labels), std::make_unique<Counter>()});
  return *series.back().value;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  auto& series = family(name, help).histograms;
  for (auto& s : series) {
    if (s.labels == labels) return *s.value;
  }
  series.push_back({std::string(labels), std::make_unique<Histogram>()});
  return *series.back().value;
}

void Metrics::gauge(std::string_view name, std::string_view help, std::function<std::int64_t()> read) {
  const std::lock_guard lock(mutex_);
  family(name, help).gauge = std::move(read);
}

std::string Metrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& f : families_) {
    const std::string_view type = f->gauge ? "gauge" : f->histograms.empty() ? "counter" : "histogram";
    out += "# HELP " + f->name + " " + f->help + "\n# TYPE " + f->name + " " + std::string(type) + "\n";
    for (const auto& s : f->counters) line(out, f->name, "", s.labels, std::to_string(s.value->value()));
    for (const auto& s : f->histograms) s.value->write(out, f->name, s.labels);
    if (f->gauge) line(out, f->name, "", "", std::to_string(f->gauge()));
  }
  return out;
}

}  // namespace bursar::http
