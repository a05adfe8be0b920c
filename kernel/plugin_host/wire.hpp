// What goes between Bursar and the probe process, as JSON: an order in, a report out.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "plugin_host/record.hpp"
#include "plugin_host/settings_table.hpp"
#include "settings/config.hpp"

namespace bursar::plugin_host {

struct ProbeOrder {
  bool describe_only = false;  // stop before settings and open
  std::string directory;
  std::string ca_file;
  std::int64_t timeout_ms = 10'000;
  settings::PluginInstance instance;
};

struct ProbeReport {
  Record record;
  SettingsTable settings;
};

std::string to_json(const ProbeOrder& order);
std::string to_json(const ProbeReport& report);
Result<ProbeOrder> parse_order(const std::string& json);
Result<ProbeReport> parse_report(const std::string& json);

}  // namespace bursar::plugin_host
