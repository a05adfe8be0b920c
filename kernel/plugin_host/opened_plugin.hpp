// One configured instance of a plugin, opened: its settings checked, its constructor run, its tables fetched and their
// constant data copied. Everything here is [control] of the ABI: never two of these functions at once, and none beside
// a call.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugin_host/call.hpp"
#include "plugin_host/host_services.hpp"
#include "plugin_host/library.hpp"
#include "plugin_host/record.hpp"
#include "settings/config.hpp"

namespace bursar::plugin_host {

struct Limit {
  Currency currency;
  std::int64_t minimum = 0;  // minor units; 0: none
  std::int64_t maximum = 0;
};

struct Tables {
  const bursar_payment_v1* payment = nullptr;
  const bursar_webhook_v1* webhook = nullptr;
  const bursar_panel_v1* panel = nullptr;
  const bursar_notify_v1* notify = nullptr;
  const bursar_frontend_v1* frontend = nullptr;
  const bursar_health_v1* health = nullptr;
};

// What the tables say beside functions, copied and checked.
struct Facts {
  std::string display_name;
  std::uint64_t payment_capabilities = 0;
  int concurrency = 0;  // calls side by side that its provider takes well; 0: no opinion
  std::vector<Currency> currencies;
  std::vector<Limit> limits;
  std::string mount_path;
  std::string folder;
  std::string index;
  std::string fallback;
  std::string immutable_prefix;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> interfaces;    // really offered
  std::vector<std::string> capabilities;  // for people
};

class OpenedPlugin {
 public:
  OpenedPlugin(Library library, const settings::PluginInstance& config, std::shared_ptr<Environment> environment,
               Call::SteadyTime deadline);
  OpenedPlugin(const OpenedPlugin&) = delete;
  OpenedPlugin& operator=(const OpenedPlugin&) = delete;

  // Once. Afterwards either refusal() or everything else is there.
  void open(const StageNote& note);
  void close();  // once, only after a successful open()

  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }
  [[nodiscard]] const std::vector<FieldError>& setting_errors() const { return setting_errors_; }
  [[nodiscard]] const std::vector<FieldError>& setting_warnings() const { return setting_warnings_; }
  [[nodiscard]] const Library& library() const { return library_; }
  [[nodiscard]] const Tables& tables() const { return tables_; }
  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] HostServices& services() { return services_; }
  [[nodiscard]] bursar_plugin* handle() const { return handle_; }

 private:
  struct SettingsFrame;
  bool check_settings(const StageNote& note);
  bool construct(const StageNote& note);
  bool fetch_tables(const StageNote& note);
  void collect_setting_errors();
  void note_settings_faults();
  template <class Table>
  const Table* fetch(const char* id);

  Library library_;
  settings::PluginInstance config_;
  SettingsOutcome settings_;
  HostServices services_;
  Call call_;
  std::shared_ptr<SettingsFrame> frame_;
  bursar_plugin* handle_ = nullptr;
  Tables tables_;
  Facts facts_;
  std::optional<Refusal> refusal_;
  std::vector<FieldError> setting_errors_;
  std::vector<FieldError> setting_warnings_;
};

}  // namespace bursar::plugin_host
