#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "base/json_text.hpp"
#include "cli/run_text.hpp"
#include "cli/support.hpp"
#include "scheduler/scheduler.hpp"
#include "storage/page_cache.hpp"

namespace bursar::cli {
namespace {

// What a run has cost this process, for benchmarks.
class Cost {
 public:
  // JSON members, each after a comma. Memory: the most this process has held so far, and how much of that, at most, was
  // the store's page cache.
  [[nodiscard]] std::string json() const {
    const rusage now = usage();
    return ", \"seconds\": " + elapsed() + ", \"cpu_seconds\": " + seconds(cpu_us(now) - cpu_us(usage_)) +
           ", \"peak_memory_kb\": " + std::to_string(now.ru_maxrss) +
           ", \"page_cache_kb\": " + std::to_string(storage::page_cache_peak() / 1024);
  }
  // In seconds, by the clock.
  [[nodiscard]] std::string elapsed() const {
    const auto wall = std::chrono::steady_clock::now() - started_;
    return seconds(std::chrono::duration_cast<std::chrono::microseconds>(wall).count());
  }

 private:
  static rusage usage() {
    rusage out{};
    getrusage(RUSAGE_SELF, &out);
    return out;
  }
  static std::int64_t cpu_us(const rusage& usage) {
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  }
  static std::string seconds(std::int64_t us) {
    return std::to_string(us / 1'000'000) + "." + std::to_string(1'000'000 + us % 1'000'000).substr(1);
  }
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  rusage usage_ = usage();
};

}  // namespace

int job_list(const Common& common) {
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  for (const auto& job : app->scheduler().jobs()) {
    const std::string next = job.next_at ? job.next_at->to_string() : "never",
                      last = job.last ? job.last->scheduled_at.to_string() : "";
    if (common.json) {
      std::printf(
          "{\"job\": %s, \"cron\": %s, \"timezone\": %s, \"next_at\": %s, \"last_at\": %s, \"last_status\": %s}\n",
          json_string(job.name).c_str(), json_string(job.cron).c_str(), json_string(job.timezone).c_str(),
          json_string(next).c_str(), json_string(last).c_str(), json_string(job.last ? job.last->status : "").c_str());
    } else {
      std::printf("%-12s %-14s %-22s next %s%s%s\n", job.name.c_str(), job.cron.c_str(), job.timezone.c_str(),
                  next.c_str(), last.empty() ? "" : ", last ", last.c_str());
    }
  }
  return done;
}

int job_run(const Common& common, const std::string& job, const std::string& at) {
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  const auto instant = instant_option(at, app->clock().now());
  if (!instant.ok()) return fail(instant.error(), wrong_usage);
  // On a test clock the run happens at the instant it stands for.
  if (app->config().clock == settings::ClockKind::test && *instant > app->clock().now()) {
    if (const auto moved = app->jump_clock(*instant); !moved.ok()) return fail(moved.error());
  }
  const Cost cost;
  const auto run = app->scheduler().run_job_at(job, *instant);
  std::string costs = cost.json();
  if (!run.ok()) return fail(run.error(), run.error().code == "no_such_job" ? wrong_usage : failed);
  const Cost drain;
  app->drain();
  costs += ", \"drain_seconds\": " + drain.elapsed();
  print_run(*run, common.json, costs);
  return run->status == "done" ? done : failed;
}

int clock_show(const Common& common) {
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  std::printf("%s\n", app->clock().now().to_string().c_str());
  return done;
}

int clock_advance(const Common& common, const std::string& to, bool jump) {
  const auto target = Instant::parse(to);
  if (!target.ok()) return fail(target.error(), wrong_usage);
  int code = done;
  // The clock of a store that has none yet begins there: no time has passed in it that could be lived through.
  const auto app = open_app(common, code, {.test_clock_start = *target});
  if (!app) return code;
  const auto moved = jump ? app->jump_clock(*target) : app->advance_clock(*target);
  if (!moved.ok()) return fail(moved.error());
  if (jump) {
    app->scheduler().run_due();
    app->drain();
  }
  std::printf("%s\n", app->clock().now().to_string().c_str());
  return done;
}

}  // namespace bursar::cli
