#include "plugin_host/opened_plugin.hpp"

#include "plugin_host/table_facts.hpp"
#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

Scrubber scrubber_of(const SettingsTable& table, const settings::PluginInstance& config) {
  Scrubber scrubber;
  for (const auto& [key, value] : config.settings) {
    const auto secret = std::any_of(table.begin(), table.end(), [&, &name = key](const Setting& setting) {
      return setting.key == name && setting.type == SettingType::secret;
    });
    if (!secret && !value.from_secret) continue;
    scrubber.add(value.text);
    for (const auto& item : value.items) scrubber.add(item);
  }
  return scrubber;
}

bursar_setting_type type_of(SettingType type) {
  switch (type) {
    case SettingType::string:
      return BURSAR_SETTING_STRING;
    case SettingType::secret:
      return BURSAR_SETTING_SECRET;
    case SettingType::boolean:
      return BURSAR_SETTING_BOOL;
    case SettingType::integer:
      return BURSAR_SETTING_INTEGER;
    case SettingType::money:
      return BURSAR_SETTING_MONEY;
    case SettingType::duration:
      return BURSAR_SETTING_DURATION;
    case SettingType::url:
      return BURSAR_SETTING_URL;
    case SettingType::choice:
      return BURSAR_SETTING_CHOICE;
    case SettingType::list:
      return BURSAR_SETTING_LIST;
  }
  return BURSAR_SETTING_UNKNOWN;
}

}  // namespace

// The values in the form of the ABI, borrowing from the outcome they were made of.
struct OpenedPlugin::SettingsFrame {
  explicit SettingsFrame(const std::vector<SettingValue>& from) : items(from.size()), abi(sized<bursar_settings>()) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      auto value = sized<bursar_setting_value>();
      value.type = type_of(from[i].type);
      value.key = lend(from[i].key);
      value.text = lend(from[i].text);
      value.integer = from[i].number;
      if (from[i].type == SettingType::money) {
        value.integer = 0;
        value.money.minor = from[i].number;
        std::copy(from[i].currency.begin(), from[i].currency.end(), value.money.currency);
      }
      for (const auto& item : from[i].items) items[i].push_back(lend(item));
      value.items = {items[i].data(), items[i].size()};
      values.push_back(value);
    }
    abi.value_size = sizeof(bursar_setting_value);
    abi.values = values.data();
    abi.count = values.size();
  }
  SettingsFrame(const SettingsFrame&) = delete;
  SettingsFrame& operator=(const SettingsFrame&) = delete;
  std::vector<std::vector<bursar_str>> items;
  std::vector<bursar_setting_value> values;
  bursar_settings abi;
};

OpenedPlugin::OpenedPlugin(Library library, const settings::PluginInstance& config,
                           std::shared_ptr<Environment> environment, Call::SteadyTime deadline)
    : library_(std::move(library)),
      config_(config),
      services_(std::move(environment), config.name, library_.id, scrubber_of(library_.settings, config)),
      call_("", "open-" + config.name, deadline) {}

void OpenedPlugin::open(const StageNote& note) {
  call_.start(services_.environment().now_ms());
  if (!check_settings(note) || !construct(note)) return;
  if (fetch_tables(note)) return;
  note("closing it");
  close();
}

bool OpenedPlugin::check_settings(const StageNote& note) {
  settings_ = parse_settings(library_.settings, config_.settings, config_.place);
  setting_warnings_ = settings_.warnings;
  if (!settings_.errors.empty()) {
    setting_errors_ = settings_.errors;
    note_settings_faults();
    return false;
  }
  frame_ = std::make_shared<SettingsFrame>(settings_.values);
  note("checking its settings");
  const auto* own = static_cast<const bursar_settings_v1*>(library_.entry->get_interface(nullptr, BURSAR_SETTINGS_ID));
  if (!BURSAR_OFFERS(own, validate)) return true;
  if (own->validate(services_.abi(), &call_, &frame_->abi) == BURSAR_OK) return true;
  collect_setting_errors();
  if (setting_errors_.empty())
    setting_errors_.push_back({config_.place, "The plugin refuses its settings without saying why."});
  note_settings_faults();
  return false;
}

// Diagnostics that name a setting, with its place.
void OpenedPlugin::collect_setting_errors() {
  for (const auto& diagnostic : call_.diagnostics()) {
    const auto known = std::any_of(library_.settings.begin(), library_.settings.end(),
                                   [&](const Setting& setting) { return setting.key == diagnostic.where; });
    if (!known) continue;
    const auto value = config_.settings.find(diagnostic.where);
    const auto& place = value == config_.settings.end() ? config_.place : value->second.place;
    setting_errors_.push_back(
        {place, "\"" + diagnostic.where + "\": " + services_.scrubber().scrub(diagnostic.message)});
  }
}

void OpenedPlugin::note_settings_faults() {
  std::string cause = "Its settings are wrong:";
  for (const auto& error : setting_errors_) cause += " " + error.pointer + ": " + error.detail;
  refusal_ = Refusal{cause, "Correct the configuration at the places named."};
}

bool OpenedPlugin::construct(const StageNote& note) {
  note("opening it");
  const auto status = library_.entry->open(services_.abi(), &call_, &frame_->abi, &handle_);
  if (status == BURSAR_OK && handle_ != nullptr) return true;
  handle_ = nullptr;
  if (status == BURSAR_INVALID) collect_setting_errors();
  if (!setting_errors_.empty()) {
    note_settings_faults();
    return false;
  }
  auto why = services_.scrubber().scrub(call_.errors());
  if (why.empty())
    why = status == BURSAR_OK ? "it reported success but gave no instance."
                              : "it did not say why (status " + std::to_string(status) + ").";
  refusal_ = Refusal{library_.path + " could not be opened: " + why, "Correct what it names, then restart Bursar."};
  return false;
}

template <class Table>
const Table* OpenedPlugin::fetch(const char* id) {
  const auto* table = static_cast<const Table*>(library_.entry->get_interface(handle_, id));
  if (table == nullptr) return nullptr;
  facts_.interfaces.emplace_back(id);
  return table;
}

bool OpenedPlugin::fetch_tables(const StageNote& note) {
  note("asking for its interfaces");
  tables_.payment = fetch<bursar_payment_v1>(BURSAR_PAYMENT_ID);
  tables_.webhook = fetch<bursar_webhook_v1>(BURSAR_WEBHOOK_ID);
  tables_.panel = fetch<bursar_panel_v1>(BURSAR_PANEL_ID);
  tables_.notify = fetch<bursar_notify_v1>(BURSAR_NOTIFY_ID);
  tables_.frontend = fetch<bursar_frontend_v1>(BURSAR_FRONTEND_ID);
  tables_.health = fetch<bursar_health_v1>(BURSAR_HEALTH_ID);
  auto fault = library_.entry->get_interface(handle_, "bursar.payment/1x") != nullptr
                   ? "it answers for an interface that does not exist"
                   : read_facts(tables_, library_, facts_);
  if (fault.empty()) return true;
  refusal_ = Refusal{library_.path + " is not a sound plugin: " + fault + ".",
                     "Ask its author for a corrected build; bursar-plugin-check shows the fault."};
  return false;
}

void OpenedPlugin::close() {
  library_.entry->close(handle_);
  handle_ = nullptr;
}

}  // namespace bursar::plugin_host
