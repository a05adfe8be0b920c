// The example and the schema of a plugin's settings.
#include <nlohmann/json.hpp>

#include "plugin_host/settings_table.hpp"
#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

using Json = nlohmann::ordered_json;

std::string sample_of(const Setting& setting) {
  if (!setting.example.empty()) {
    return setting.type == SettingType::list ? "[" + setting.example + "]" : Json(setting.example).dump();
  }
  switch (setting.type) {
    case SettingType::string:
      return "\"...\"";
    case SettingType::secret:
      return "\"${env:" + [&] {
        std::string name = setting.key;
        for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        return name;
      }() + "}\"";
    case SettingType::boolean:
      return "false";
    case SettingType::integer:
      return std::to_string(setting.minimum);
    case SettingType::money:
      return "\"10.00 EUR\"";
    case SettingType::duration:
      return "30s";
    case SettingType::url:
      return "\"https://example.com\"";
    case SettingType::choice:
      return setting.choices.empty() ? "\"\"" : setting.choices.front().value;
    case SettingType::list:
      return setting.choices.empty() ? "[a, b]" : "[" + setting.choices.front().value + "]";
  }
  return "\"\"";
}

std::string default_of(const Setting& setting) {
  const auto& text = setting.default_text;
  switch (setting.type) {
    case SettingType::boolean:
    case SettingType::integer:
    case SettingType::duration:
      return text;
    case SettingType::list:
      return "[" + text + "]";
    default:
      return Json(text).dump();
  }
}

Json choice_values(const Setting& setting) {
  Json values = Json::array();
  for (const auto& choice : setting.choices) values.push_back(choice.value);
  return values;
}

Json value_schema(const Setting& setting) {
  Json schema;
  switch (setting.type) {
    case SettingType::boolean:
      schema["type"] = "boolean";
      break;
    case SettingType::integer:
      schema["type"] = "integer";
      if (setting.limited()) schema["minimum"] = setting.minimum;
      if (setting.limited()) schema["maximum"] = setting.maximum;
      break;
    case SettingType::list:
      schema["type"] = "array";
      schema["items"] = {{"type", "string"}};
      if (!setting.choices.empty()) schema["items"]["enum"] = choice_values(setting);
      if (setting.limited()) schema["minItems"] = setting.minimum;
      if (setting.limited()) schema["maxItems"] = setting.maximum;
      break;
    case SettingType::duration:
      schema["type"] = "string";
      schema["pattern"] = "^[0-9]+(ms|s|m|h|d)$";
      break;
    case SettingType::money:
      schema["type"] = "string";
      schema["pattern"] = "^-?[0-9]+([.][0-9]+)? [A-Z]{3}$";
      break;
    case SettingType::choice:
      schema["type"] = "string";
      schema["enum"] = choice_values(setting);
      break;
    case SettingType::url:
      schema["format"] = "uri";
      [[fallthrough]];
    case SettingType::string:
    case SettingType::secret:
      schema["type"] = "string";
      break;
  }
  return schema;
}

}  // namespace

std::string example_yaml(std::string_view instance, std::string_view plugin, const SettingsTable& table) {
  std::string text = std::string(instance) + ":\n  plugin: " + std::string(plugin) + "\n";
  bool any = false;
  for (const auto& setting : table) {
    if (!setting.deprecated_by.empty()) continue;
    if (!any) text += "  config:\n";
    any = true;
    const auto& words = !setting.help.empty() ? setting.help : !setting.label.empty() ? setting.label : setting.key;
    text += "    # " + presentable(words) + " (" + std::string(to_string(setting.type)) +
            (setting.required ? ", required" : "") + ")\n";
    const auto value = !setting.default_text.empty() ? default_of(setting) : sample_of(setting);
    text += (setting.required ? "    " : "    # ") + setting.key + ": " + value + "\n";
  }
  return text;
}

std::string json_schema(const SettingsTable& table) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  Json required = Json::array();
  for (const auto& setting : table) {
    Json value = value_schema(setting);
    if (!setting.label.empty()) value["title"] = presentable(setting.label);
    if (!setting.help.empty()) value["description"] = presentable(setting.help);
    if (setting.type == SettingType::secret) value["writeOnly"] = true;
    if (!setting.deprecated_by.empty()) value["deprecated"] = true;
    if (!setting.default_text.empty() && setting.type == SettingType::string) value["default"] = setting.default_text;
    if (setting.required) required.push_back(setting.key);
    schema["properties"][setting.key] = std::move(value);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema.dump(2);
}

}  // namespace bursar::plugin_host
