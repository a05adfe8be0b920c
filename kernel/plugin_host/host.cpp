#include "plugin_host/host.hpp"

#include <algorithm>
#include <future>
#include <map>

#include "base/log.hpp"
#include "plugin_host/instance.hpp"
#include "plugin_host/ports.hpp"
#include "plugin_host/probe.hpp"

namespace bursar::plugin_host {
namespace {

ProbeOrder order_of(const settings::Config& config, const settings::PluginInstance& instance,
                    const HostOptions& options) {
  ProbeOrder order;
  order.directory = config.plugin_directory;
  order.ca_file = options.ca_file;
  order.timeout_ms = options.probe_timeout.seconds * 1000;
  order.instance = instance;
  return order;
}

Record isolation_refused(const settings::PluginInstance& instance) {
  Record record;
  record.instance = instance.name;
  record.plugin = instance.plugin;
  record.place = instance.place;
  record.cause = "The instance asks for `isolation: process`, which this version of Bursar does not have.";
  record.cure =
      "Remove the key to run the plugin inside Bursar, if you trust its author with everything Bursar can do.";
  return record;
}

void report(const Record& record) {
  if (record.state == InstanceState::loaded) {
    log::info(
        "plugin_loaded",
        {{"instance", record.instance}, {"plugin", record.plugin}, {"id", record.id}, {"version", record.version}});
    return;
  }
  log::error("plugin_disabled", {{"instance", record.instance},
                                 {"plugin", record.plugin},
                                 {"place", record.place},
                                 {"cause", record.cause},
                                 {"cure", record.cure}});
}

// The ports of one kind, by instance, in the order of their names.
template <class Port>
using Map = std::map<std::string, std::unique_ptr<Port>, std::less<>>;

template <class Port>
Port* find_in(const Map<Port>& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second.get();
}

template <class Port>
std::vector<std::string> names_of(const Map<Port>& map) {
  std::vector<std::string> names;
  for (const auto& [name, _] : map) names.push_back(name);
  return names;
}

struct GatewaySet final : payments::Gateways {
  Map<payments::Gateway> map;
  [[nodiscard]] std::vector<payments::GatewayInfo> list() const override {
    std::vector<payments::GatewayInfo> infos;
    for (const auto& [_, gateway] : map) infos.push_back(gateway->info());
    return infos;
  }
  [[nodiscard]] payments::Gateway* find(std::string_view instance) override { return find_in(map, instance); }
};

template <class Base, class Port>
struct PortSet final : Base {
  Map<Port> map;
  [[nodiscard]] std::vector<std::string> list() const override { return names_of(map); }
  [[nodiscard]] Port* find(std::string_view instance) override { return find_in(map, instance); }
};

}  // namespace

struct PluginHost::State {
  HostOptions options;
  std::shared_ptr<Environment> environment;
  std::vector<std::shared_ptr<Instance>> instances;
  GatewaySet gateways;
  PortSet<provisioning::Panels, provisioning::Panel> panels;
  PortSet<notices::Channels, notices::Channel> channels;
  PortSet<inbox::Webhooks, inbox::Webhook> webhooks;

  void offer(const std::shared_ptr<Instance>& instance, const Clock& clock) {
    const auto& tables = instance->tables();
    const auto& name = instance->name();
    if (tables.payment != nullptr) gateways.map.emplace(name, make_gateway(instance));
    if (tables.panel != nullptr) panels.map.emplace(name, make_panel(instance));
    if (tables.notify != nullptr) channels.map.emplace(name, make_channel(instance));
    if (tables.webhook != nullptr) webhooks.map.emplace(name, make_webhook(instance, clock));
  }

  [[nodiscard]] Instance* find(std::string_view name) const {
    for (const auto& instance : instances) {
      if (instance->name() == name && instance->loaded()) return instance.get();
    }
    return nullptr;
  }
};

PluginHost::PluginHost(const settings::Config& config, const Clock& clock, std::unique_ptr<KeyValues> store,
                       const HostOptions& options)
    : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->environment = std::make_shared<Environment>(clock, std::move(store), options.ca_file);
  const auto records = check_plugins(config, options);
  for (std::size_t i = 0; i < config.plugins.size(); ++i) {
    auto instance = std::make_shared<Instance>(config.plugins[i], state_->environment, records[i]);
    if (instance->loaded()) {
      instance->open(std::chrono::steady_clock::now() + std::chrono::seconds(options.probe_timeout.seconds));
    }
    if (instance->loaded()) state_->offer(instance, clock);
    report(instance->record());
    state_->instances.push_back(std::move(instance));
  }
}

PluginHost::~PluginHost() {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(state_->options.shutdown_patience.seconds);
  std::vector<std::future<void>> closing;
  for (const auto& instance : state_->instances) {
    closing.push_back(std::async(std::launch::async, [&instance, deadline] { instance->close(deadline); }));
  }
  closing.clear();  // waits, at most until the deadline
  state_->environment->close();
}

std::vector<Record> PluginHost::records() const {
  std::vector<Record> records;
  for (const auto& instance : state_->instances) records.push_back(instance->record());
  return records;
}

payments::Gateways& PluginHost::gateways() { return state_->gateways; }
provisioning::Panels& PluginHost::panels() { return state_->panels; }
notices::Channels& PluginHost::channels() { return state_->channels; }
inbox::Webhooks& PluginHost::webhooks() { return state_->webhooks; }

std::vector<Frontend> PluginHost::frontends() const {
  std::vector<Frontend> frontends;
  for (const auto& instance : state_->instances) {
    if (!instance->loaded() || instance->tables().frontend == nullptr) continue;
    const auto& facts = instance->facts();
    frontends.push_back({instance->name(), facts.mount_path, facts.folder, facts.index, facts.fallback,
                         facts.immutable_prefix, facts.headers});
  }
  return frontends;
}

int PluginHost::concurrency(std::string_view instance) const {
  const auto* found = state_->find(instance);
  return found == nullptr ? 0 : found->concurrency();
}

ConnectionTest PluginHost::test_connection(std::string_view instance) {
  auto* found = state_->find(instance);
  return found == nullptr ? ConnectionTest{} : test_connection_of(*found);
}

namespace {

std::vector<FormField> form_of(const SettingsTable& table, const RawSettings& written) {
  std::vector<FormField> form;
  for (const auto& setting : table) {
    FormField field{.setting = setting, .written = false, .value = std::nullopt};
    if (const auto found = written.find(setting.key); found != written.end()) {
      const auto& value = found->second;
      field.written = true;
      if (setting.type != SettingType::secret && !value.from_secret) {
        std::string text = value.text;
        for (const auto& item : value.items) text += (text.empty() ? "" : ",") + item;
        field.value = std::move(text);
      }
    }
    form.push_back(std::move(field));
  }
  return form;
}

Record try_instance(const settings::Config& config, const settings::PluginInstance& instance,
                    const HostOptions& options) {
  auto report = run_probe(order_of(config, instance, options), options);
  report.record.form = form_of(report.settings, instance.settings);
  return std::move(report.record);
}

}  // namespace

std::vector<Record> check_plugins(const settings::Config& config, const HostOptions& options) {
  std::vector<std::future<Record>> trials;
  for (const auto& instance : config.plugins) {
    trials.push_back(std::async(std::launch::async, [&] {
      return instance.process_isolation ? isolation_refused(instance) : try_instance(config, instance, options);
    }));
  }
  std::vector<Record> records;
  for (auto& trial : trials) records.push_back(trial.get());
  return records;
}

Result<Description> describe_plugin(const std::string& directory, const std::string& plugin,
                                    const HostOptions& options) {
  ProbeOrder order;
  order.describe_only = true;
  order.directory = directory;
  order.timeout_ms = options.probe_timeout.seconds * 1000;
  order.instance.name = plugin;
  order.instance.plugin = plugin;
  auto report = run_probe(order, options);
  const auto& record = report.record;
  if (record.state != InstanceState::loaded) {
    return Error{.kind = ErrorKind::invalid, .code = "plugin_refused", .detail = record.cause, .cure = record.cure};
  }
  return Description{plugin, record.id, record.name, record.version, record.interfaces, std::move(report.settings)};
}

}  // namespace bursar::plugin_host
