// What the tests of the plugin host share: configurations over the built plugins and fixtures.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>

#include "base/log.hpp"
#include "plugin_host/host.hpp"
#include "support/temporary_folder.hpp"

namespace bursar::plugin_host::testing {

inline const std::string fixtures = BURSAR_FIXTURES;
inline const std::string bundled = BURSAR_PLUGINS;

class TestClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant(unix_seconds); }
  std::int64_t unix_seconds = 1'800'000'000;
};

inline settings::PluginInstance instance(const std::string& name, const std::string& plugin,
                                         std::initializer_list<std::pair<std::string, std::string>> values = {}) {
  settings::PluginInstance made;
  made.name = name;
  made.plugin = plugin;
  made.place = "bursar.yaml:10:5";
  int line = 11;
  for (const auto& [key, text] : values) {
    settings::PluginInstance::Value value;
    value.text = text;
    value.place = "bursar.yaml:" + std::to_string(line++) + ":9";
    made.settings[key] = value;
  }
  return made;
}

inline settings::Config config(const std::string& directory, std::vector<settings::PluginInstance> instances) {
  settings::Config made;
  made.plugin_directory = directory;
  made.plugins = std::move(instances);
  return made;
}

inline HostOptions options() {
  HostOptions made;
  made.probe_program = BURSAR_PROBE;
  made.probe_timeout = seconds(20);
  made.shutdown_patience = seconds(1);
  return made;
}

inline payments::ChargeRequest charge_of(std::int64_t minor, const std::string& payment_id = "pay_1",
                                         const std::string& token = "", const char* currency = "EUR") {
  return {.idempotency_key = "key-" + payment_id,
          .payment_id = payment_id,
          .account_id = "acc_1",
          .invoice_number = "INV-1",
          .description = "Invoice INV-1",
          .amount = Money(minor, *Currency::parse(currency)),
          .method_token = token,
          .visit = {.return_url = "https://example.com/back"}};
}

// Catches the log in a file while it lives.
class LogFile {
 public:
  LogFile() { log::configure({.level = log::Level::debug, .format = log::Format::json, .file = folder_.file("log")}); }
  ~LogFile() { log::configure({}); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  [[nodiscard]] std::string text() const {
    std::ifstream file(folder_.file("log"));
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

 private:
  test::TemporaryFolder folder_;
};

}  // namespace bursar::plugin_host::testing
