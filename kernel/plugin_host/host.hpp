// The plugins of this installation. Loads each configured instance on its own: one that is refused, crashes or hangs
// while it is loaded is disabled with cause and cure, and the others work. Implements the ports of payments,
// provisioning and notices over the C ABI of the SDK; no type of it, and none of Boost, stands in this header.
//
//   PluginHost host(config, clock, stored_key_values(db, vault));
//   payments::Gateway* cards = host.gateways().find("cards");
//
// Every instance is first opened in a child process (the probe, `bursar-plugin-host`), so that a constructor that
// crashes or hangs takes the child with it and not Bursar. docs/design/plugin-isolation.md tells what that protects
// from and what not.
//
// Calls run on threads of the instance (lane.hpp) with its deadline; the caller never waits longer. Thread-safe after
// construction.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "inbox/webhook.hpp"
#include "notices/channel.hpp"
#include "payments/gateway.hpp"
#include "plugin_host/record.hpp"
#include "plugin_host/services/key_values.hpp"
#include "plugin_host/settings_table.hpp"
#include "provisioning/panel.hpp"
#include "settings/config.hpp"

namespace bursar::plugin_host {

struct HostOptions {
  std::string probe_program;                // empty: "bursar-plugin-host" beside the running program
  Duration probe_timeout = seconds(10);     // for loading and opening one instance in the probe
  Duration shutdown_patience = seconds(5);  // for calls under way when the host is destroyed
  std::string ca_file;  // certificates that plugins' HTTPS trusts instead of the system's; for tests
};

// A folder of static files that a plugin wants served.
struct Frontend {
  std::string instance;
  std::string mount_path;        // begins and ends with a slash
  std::string folder;            // absolute, links resolved; nothing outside of it is to be served
  std::string index;             // served for a folder
  std::string fallback;          // served where no file is; empty: 404
  std::string immutable_prefix;  // paths below it may be cached for a year; empty: none
  std::vector<std::pair<std::string, std::string>> headers;  // to send with each file
};

struct ConnectionTest {
  bool supported = false;
  bool ok = false;
  std::string detail;
};

class PluginHost {
 public:
  // `store` is behind the plugins' key/value service.
  PluginHost(const settings::Config& config, const Clock& clock, std::unique_ptr<KeyValues> store,
             const HostOptions& options = {});
  ~PluginHost();  // ends within shutdown_patience, also when a plugin hangs
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  [[nodiscard]] std::vector<Record> records() const;  // in the order of the configuration
  [[nodiscard]] payments::Gateways& gateways();
  [[nodiscard]] provisioning::Panels& panels();
  [[nodiscard]] notices::Channels& channels();
  [[nodiscard]] inbox::Webhooks& webhooks();
  [[nodiscard]] std::vector<Frontend> frontends() const;
  // How many calls of the instance may run side by side; 0: no such usable instance.
  [[nodiscard]] int concurrency(std::string_view instance) const;
  // Asks the plugin whether its other side is reachable with these settings.
  ConnectionTest test_connection(std::string_view instance);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Opens every instance in the probe only and tells how that went; runs no plugin code in this process. For `config
// check` and `plugin list`.
std::vector<Record> check_plugins(const settings::Config& config, const HostOptions& options = {});

// A plugin file's own word about itself, asked in the probe. For `config schema`, forms and examples.
struct Description {
  std::string plugin;
  std::string id;
  std::string name;
  std::string version;
  std::vector<std::string> interfaces;
  SettingsTable settings;
};
Result<Description> describe_plugin(const std::string& directory, const std::string& plugin,
                                    const HostOptions& options = {});

}  // namespace bursar::plugin_host
