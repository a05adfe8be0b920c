#include "cli/run_text.hpp"

#include <cstdio>

#include "base/json_text.hpp"

namespace bursar::cli {
namespace {

std::string counts_text(const scheduler::Counts& counts) {
  std::string out;
  for (const auto& [name, count] : counts) out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  return out.empty() ? "nothing due" : out;
}

std::string counts_json(const scheduler::Counts& counts) {
  std::string out = "{";
  for (const auto& [name, count] : counts)
    out += (out.size() == 1 ? "" : ", ") + json_string(name) + ": " + std::to_string(count);
  return out + "}";
}

}  // namespace

void print_run(const scheduler::RunStatus& run, bool json, const std::string& further) {
  if (json) {
    std::string steps;
    for (const auto& step : run.steps) {
      steps += (steps.empty() ? "" : ", ") + ("{\"step\": " + json_string(step.name)) +
               ", \"counts\": " + counts_json(step.counts) + ", \"chunks\": " + std::to_string(step.chunks) +
               ", \"parked\": " + std::to_string(step.parked) + "}";
    }
    std::string held;
    for (const auto& check : run.checks) {
      if (check.verdict != "held") continue;
      held += (held.empty() ? "" : ", ") + ("{\"step\": " + json_string(check.step)) +
              ", \"reason\": " + json_string(check.reason) + "}";
    }
    std::printf(
        "{\"job\": %s, \"scheduled_at\": %s, \"date\": %s, \"status\": %s, \"steps\": [%s], \"held\": [%s]%s}\n",
        json_string(run.job).c_str(), json_string(run.scheduled_at.to_string()).c_str(),
        json_string(run.date.to_string()).c_str(), json_string(run.status).c_str(), steps.c_str(), held.c_str(),
        further.c_str());
    return;
  }
  std::printf("%s %s (%s): %s%s%s\n", run.job.c_str(), run.date.to_string().c_str(),
              run.scheduled_at.to_string().c_str(), run.status.c_str(), run.error.empty() ? "" : ": ",
              run.error.c_str());
  for (const auto& step : run.steps) {
    std::printf("  %-16s %s", step.name.c_str(), counts_text(step.counts).c_str());
    if (step.parked > 0) std::printf(", %lld accounts left out", static_cast<long long>(step.parked));
    std::printf("\n");
  }
  for (const auto& check : run.checks) {
    if (check.verdict == "held") std::printf("  %-16s held: %s\n", check.step.c_str(), check.reason.c_str());
  }
}

}  // namespace bursar::cli
