// The smallest good configuration, and ways to ask for the errors of a bad one.
#pragma once

#include <map>
#include <string>

#include "settings/load.hpp"

namespace bursar::settings::testing {

inline const std::string smallest =
    "provider:\n"
    "  name: Example Hosting\n"
    "  country: US\n"
    "  timezone: America/Los_Angeles\n"
    "  currencies: [USD, EUR]\n"
    "database:\n"
    "  url: sqlite:bursar.db\n";

inline LoadOptions options(std::map<std::string, std::string> environment = {}) {
  LoadOptions out;
  out.environment = [environment = std::move(environment)](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
  return out;
}

inline Result<Config> read(const std::string& yaml, const LoadOptions& with = options()) {
  return load_text(yaml, "bursar.yaml", with);
}

// "bursar.yaml:3:12: provider.country: ..." a line, in the order of the file; empty for a good one.
inline std::string errors(const std::string& yaml, const LoadOptions& with = options()) {
  const auto config = read(yaml, with);
  std::string out;
  if (!config.ok())
    for (const FieldError& field : config.error().fields) out += field.pointer + ": " + field.detail + "\n";
  return out;
}

}  // namespace bursar::settings::testing
