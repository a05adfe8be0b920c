// Reads and checks the configuration.
//
//   auto config = settings::load("/etc/bursar/bursar.yaml", options);
//   if (!config.ok()) for (const FieldError& f : config.error().fields) ...   // {"/etc/bursar/bursar.yaml:12:5",
//   "what; cure"}
//
// All errors are answered at once, in the order of the file, none with the value of a secret in it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "settings/config.hpp"

namespace bursar::settings {

struct LoadOptions {
  // Answers what is wrong with a cron expression, or nothing. Handed in, as the scheduler knows the rules.
  std::function<std::optional<std::string>(std::string_view expression)> check_cron = {};
  // Default: the environment of the process.
  std::function<std::optional<std::string>(const std::string& name)> environment = {};
};

Result<Config> load(const std::string& path, const LoadOptions& options = {});
// The same from memory; `file` names it in the messages and is where relative ${file:} paths start.
Result<Config> load_text(std::string_view yaml, const std::string& file, const LoadOptions& options = {});

}  // namespace bursar::settings
