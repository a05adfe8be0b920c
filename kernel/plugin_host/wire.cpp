#include "plugin_host/wire.hpp"

#include <nlohmann/json.hpp>

namespace bursar::plugin_host {
namespace {

using Json = nlohmann::json;
using Raw = settings::PluginInstance::Value;

Json of(const Raw& value) {
  return {
      {"list", value.kind == Raw::Kind::list}, {"text", value.text},  {"items", value.items}, {"quoted", value.quoted},
      {"from_secret", value.from_secret},      {"place", value.place}};
}

Raw raw_of(const Json& json) {
  Raw value;
  value.kind = json.at("list").get<bool>() ? Raw::Kind::list : Raw::Kind::scalar;
  json.at("text").get_to(value.text);
  json.at("items").get_to(value.items);
  json.at("quoted").get_to(value.quoted);
  json.at("from_secret").get_to(value.from_secret);
  json.at("place").get_to(value.place);
  return value;
}

Json of(const settings::PluginInstance& instance) {
  Json settings = Json::object();
  for (const auto& [key, value] : instance.settings) settings[key] = of(value);
  return {{"name", instance.name},
          {"plugin", instance.plugin},
          {"sha256", instance.sha256.value_or("")},
          {"place", instance.place},
          {"settings", std::move(settings)}};
}

Json of(const Setting& setting) {
  Json choices = Json::array();
  for (const auto& choice : setting.choices) choices.push_back({choice.value, choice.label});
  return {{"key", setting.key},
          {"type", static_cast<int>(setting.type)},
          {"required", setting.required},
          {"advanced", setting.advanced},
          {"default", setting.default_text},
          {"example", setting.example},
          {"minimum", setting.minimum},
          {"maximum", setting.maximum},
          {"prefix", setting.prefix},
          {"choices", choices},
          {"label", setting.label},
          {"help", setting.help},
          {"since", setting.since},
          {"deprecated_by", setting.deprecated_by}};
}

Setting setting_of(const Json& json) {
  Setting setting;
  json.at("key").get_to(setting.key);
  setting.type = static_cast<SettingType>(json.at("type").get<int>());
  json.at("required").get_to(setting.required);
  json.at("advanced").get_to(setting.advanced);
  json.at("default").get_to(setting.default_text);
  json.at("example").get_to(setting.example);
  json.at("minimum").get_to(setting.minimum);
  json.at("maximum").get_to(setting.maximum);
  json.at("prefix").get_to(setting.prefix);
  for (const auto& choice : json.at("choices")) setting.choices.push_back({choice.at(0), choice.at(1)});
  json.at("label").get_to(setting.label);
  json.at("help").get_to(setting.help);
  json.at("since").get_to(setting.since);
  json.at("deprecated_by").get_to(setting.deprecated_by);
  return setting;
}

Json of(const Record& record) {
  Json errors = Json::array();
  for (const auto& error : record.setting_errors) errors.push_back({error.pointer, error.detail});
  return {{"loaded", record.state == InstanceState::loaded},
          {"cause", record.cause},
          {"cure", record.cure},
          {"setting_errors", errors},
          {"file", record.file},
          {"id", record.id},
          {"name", record.name},
          {"version", record.version},
          {"abi", record.abi},
          {"interfaces", record.interfaces},
          {"capabilities", record.capabilities}};
}

Record record_of(const Json& json) {
  Record record;
  record.state = json.at("loaded").get<bool>() ? InstanceState::loaded : InstanceState::disabled;
  json.at("cause").get_to(record.cause);
  json.at("cure").get_to(record.cure);
  for (const auto& error : json.at("setting_errors")) record.setting_errors.push_back({error.at(0), error.at(1)});
  json.at("file").get_to(record.file);
  json.at("id").get_to(record.id);
  json.at("name").get_to(record.name);
  json.at("version").get_to(record.version);
  json.at("abi").get_to(record.abi);
  json.at("interfaces").get_to(record.interfaces);
  json.at("capabilities").get_to(record.capabilities);
  return record;
}

// Bytes that are not UTF-8 can't stand in JSON; settings with such text are refused with their place once they are
// checked.
std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Error unreadable(const std::exception& error) {
  return {
      .kind = ErrorKind::internal, .code = "probe_unreadable", .detail = std::string("Unreadable: ") + error.what()};
}

}  // namespace

std::string to_json(const ProbeOrder& order) {
  return dumped({{"describe_only", order.describe_only},
                 {"directory", order.directory},
                 {"ca_file", order.ca_file},
                 {"timeout_ms", order.timeout_ms},
                 {"instance", of(order.instance)}});
}

std::string to_json(const ProbeReport& report) {
  Json settings = Json::array();
  for (const auto& setting : report.settings) settings.push_back(of(setting));
  return dumped({{"record", of(report.record)}, {"settings", std::move(settings)}});
}

Result<ProbeOrder> parse_order(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    ProbeOrder order;
    json.at("describe_only").get_to(order.describe_only);
    json.at("directory").get_to(order.directory);
    json.at("ca_file").get_to(order.ca_file);
    json.at("timeout_ms").get_to(order.timeout_ms);
    const auto& instance = json.at("instance");
    instance.at("name").get_to(order.instance.name);
    instance.at("plugin").get_to(order.instance.plugin);
    instance.at("place").get_to(order.instance.place);
    if (const auto sha = instance.at("sha256").get<std::string>(); !sha.empty()) order.instance.sha256 = sha;
    for (const auto& [key, value] : instance.at("settings").items()) order.instance.settings[key] = raw_of(value);
    return order;
  } catch (const Json::exception& error) {
    return unreadable(error);
  }
}

Result<ProbeReport> parse_report(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    ProbeReport report;
    report.record = record_of(json.at("record"));
    for (const auto& setting : json.at("settings")) report.settings.push_back(setting_of(setting));
    return report;
  } catch (const Json::exception& error) {
    return unreadable(error);
  }
}

}  // namespace bursar::plugin_host
