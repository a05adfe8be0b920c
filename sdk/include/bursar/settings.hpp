// The settings table a plugin declares, and typed access to the values.
#pragma once

#include <span>

#include "host.hpp"

BURSAR_SDK_BEGIN

enum class SettingType : bursar_setting_type {
  string = BURSAR_SETTING_STRING,
  secret = BURSAR_SETTING_SECRET,
  boolean = BURSAR_SETTING_BOOL,
  integer = BURSAR_SETTING_INTEGER,
  money = BURSAR_SETTING_MONEY,
  duration = BURSAR_SETTING_DURATION,
  url = BURSAR_SETTING_URL,
  choice = BURSAR_SETTING_CHOICE,
  list = BURSAR_SETTING_LIST,
};

struct Choice {
  std::string_view value;
  std::string_view label;
};

// One row; see bursar_setting in abi/settings.h for each field. `static constexpr bursar::Setting settings[]` in the
// plugin's class.
struct Setting {
  std::string_view key{};
  SettingType type = SettingType::string;
  bool required = false;
  bool advanced = false;
  std::string_view label{};
  std::string_view help{};
  std::string_view default_value{};
  std::string_view example{};
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  std::span<const Choice> choices{};
  std::string_view prefix{};
  std::string_view since{};
  std::string_view deprecated_by{};
};

// The values of one instance, checked against the table by the host. A setting that was neither written nor has a
// default reads as empty.
class Settings {
 public:
  explicit Settings(const bursar_settings* settings) : settings_(settings) {}

  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] std::string text(std::string_view key) const {
    const bursar_setting_value* value = find(key);
    return value == nullptr ? std::string() : std::string(BURSAR_READ(value, text));
  }
  [[nodiscard]] bool boolean(std::string_view key) const { return integer(key) != 0; }
  [[nodiscard]] std::int64_t integer(std::string_view key) const {
    const bursar_setting_value* value = find(key);
    return value == nullptr ? 0 : BURSAR_READ(value, integer);
  }
  [[nodiscard]] Milliseconds duration(std::string_view key) const { return Milliseconds(integer(key)); }
  [[nodiscard]] Money money(std::string_view key) const {
    const bursar_setting_value* value = find(key);
    return value == nullptr ? Money{} : BURSAR_READ(value, money);
  }
  [[nodiscard]] std::vector<std::string> list(std::string_view key) const {
    const bursar_setting_value* value = find(key);
    return value == nullptr ? std::vector<std::string>{} : BURSAR_READ(value, items);
  }

 private:
  [[nodiscard]] const bursar_setting_value* find(std::string_view key) const {
    const char* at = reinterpret_cast<const char*>(settings_->values);
    for (std::uint64_t i = 0; i < settings_->count; ++i, at += settings_->value_size) {
      const auto* value = reinterpret_cast<const bursar_setting_value*>(at);
      if (detail::read(value->key) == key) return value;
    }
    return nullptr;
  }

  const bursar_settings* settings_;
};
BURSAR_SDK_END
