// The table of settings that a plugin declares, in the kernel's own form, and the one parser of values against it. The
// same table yields the errors of a wrong file, the example, the schema and the form, so they can't disagree.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "settings/config.hpp"

namespace bursar::plugin_host {

enum class SettingType { string, secret, boolean, integer, money, duration, url, choice, list };
[[nodiscard]] std::string_view to_string(SettingType type);

struct Choice {
  std::string value;  // what is written
  std::string label;  // what a form shows
};

struct Setting {
  std::string key;
  SettingType type = SettingType::string;
  bool required = false;
  bool advanced = false;
  std::string default_text;  // as it would be written, a list's items separated by commas; empty: none
  std::string example;
  // Both zero: no limit. integer: the value; duration: milliseconds; money: minor units; text: bytes; list: items.
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  std::string prefix;  // string, secret: the value must begin so
  std::vector<Choice> choices;
  std::string label;
  std::string help;
  std::string since;
  std::string deprecated_by;
  [[nodiscard]] bool limited() const { return minimum != 0 || maximum != 0; }
};
using SettingsTable = std::vector<Setting>;

// Faults of the table itself: what a plugin's author got wrong. Empty: sane.
[[nodiscard]] std::vector<std::string> faults_of(const SettingsTable& table);

// A checked value. Which member counts depends on the type.
struct SettingValue {
  std::string key;
  SettingType type = SettingType::string;
  std::string text;         // the canonical text: "true", "25", "12.34 USD", "90s"; a list's items joined by commas
  std::int64_t number = 0;  // boolean 0 or 1, integer, money in minor units, duration in milliseconds
  std::string currency;     // money
  std::vector<std::string> items;  // list
};

struct SettingsOutcome {
  std::vector<SettingValue> values;  // in the table's order; a key without value and default is left out
  std::vector<FieldError> errors;    // pointer is the place, "bursar.yaml:31:12"; no secret's text is in any
  std::vector<FieldError> warnings;  // deprecated keys
};
using RawSettings = std::map<std::string, settings::PluginInstance::Value>;

// All errors at once. `place` is the instance's own, for keys that are missing.
SettingsOutcome parse_settings(const SettingsTable& table, const RawSettings& raw, const std::string& place);

// An instance for the configuration file, each key with its help as a comment.
std::string example_yaml(std::string_view instance, std::string_view plugin, const SettingsTable& table);
// The JSON Schema of the instance's `config` object.
std::string json_schema(const SettingsTable& table);

}  // namespace bursar::plugin_host
