// The services a plugin gets through bursar_host: log, clock, http, store, random, crypto. One object per opened
// instance. Nothing thrown leaves a service; it answers a status.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "base/time.hpp"
#include "plugin_host/abi.hpp"
#include "plugin_host/scrubber.hpp"
#include "plugin_host/services/http.hpp"
#include "plugin_host/services/key_values.hpp"

namespace bursar::plugin_host {

// What the services of all instances share. A call that hangs may come back after the host is gone: what belongs to
// others (the clock, the database) is reached only through the gate, which close() shuts for good.
class Environment {
 public:
  Environment(const Clock& clock, std::unique_ptr<KeyValues> store, std::string ca_file)
      : http(std::move(ca_file)), clock_(clock), store_(std::move(store)) {}

  HttpClient http;
  // Milliseconds since 1970 by the installation's clock; 0 after close().
  [[nodiscard]] bursar_time now_ms() const;
  // Runs `use` on the store; false after close().
  bool with_store(const std::function<void(KeyValues&)>& use);
  void close();

 private:
  const Clock& clock_;
  std::unique_ptr<KeyValues> store_;
  mutable std::shared_mutex gate_;
  bool closed_ = false;
};

class HostServices {
 public:
  HostServices(std::shared_ptr<Environment> environment, std::string instance, std::string plugin_id,
               Scrubber scrubber);
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  [[nodiscard]] const bursar_host* abi() const { return &host_; }
  [[nodiscard]] const Scrubber& scrubber() const { return scrubber_; }
  [[nodiscard]] const std::string& instance() const { return instance_; }
  [[nodiscard]] Environment& environment() const { return *environment_; }
  [[nodiscard]] bool may_log();  // keeps a plugin from flooding the log

  static HostServices& of(const bursar_host* host) { return *static_cast<HostServices*>(host->context); }
  // Does this host have the service?
  static const void* table(std::string_view id);

 private:
  std::shared_ptr<Environment> environment_;
  std::string instance_;
  std::string plugin_id_;
  Scrubber scrubber_;
  bursar_host host_;
  std::mutex log_mutex_;
  std::chrono::steady_clock::time_point log_window_;
  int log_lines_ = 0;
};

}  // namespace bursar::plugin_host
