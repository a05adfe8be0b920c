#include "plugin_host/settings_table.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <set>

#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

using Raw = settings::PluginInstance::Value;

constexpr std::int64_t milliseconds_max = std::numeric_limits<std::int64_t>::max() / 4;

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr Unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const auto digits = text.starts_with('-') ? text.substr(1) : text;
  if ((digits.size() > 1 && digits.front() == '0') || text == "-0") return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_milliseconds(std::string_view text) {
  const auto split = text.find_first_not_of("0123456789");
  if (split == std::string_view::npos || split == 0) return std::nullopt;
  const auto number = parse_integer(text.substr(0, split));
  const auto* unit =
      std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == text.substr(split); });
  if (!number || unit == std::end(units) || *number > milliseconds_max / unit->milliseconds) return std::nullopt;
  return *number * unit->milliseconds;
}

std::string quantity_text(SettingType type, std::int64_t number) {
  if (type != SettingType::duration) return std::to_string(number);
  const Unit* best = &units[0];
  for (const auto& unit : units) {
    if (number != 0 && number % unit.milliseconds == 0) best = &unit;
  }
  return std::to_string(number / best->milliseconds) + std::string(best->name);
}

// "12.34 EUR"
std::optional<Money> parse_money(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto currency = Currency::parse(text.substr(space + 1));
  if (!currency.ok()) return std::nullopt;
  const auto money = Money::parse(text.substr(0, space), *currency);
  if (!money.ok()) return std::nullopt;
  return *money;
}

bool is_url(std::string_view text) {
  const auto mark = text.find("://");
  const auto scheme = text.substr(0, mark);
  if (mark == std::string_view::npos || (scheme != "http" && scheme != "https")) return false;
  const auto rest = text.substr(mark + 3);
  const bool rest_ok = std::none_of(rest.begin(), rest.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\' || c == '"' || c == '<' || c == '>';
  });
  return rest_ok && !rest.empty() && rest.front() != '/' && rest.front() != ':' && rest.front() != '@';
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string joined(const std::vector<std::string>& items, std::string_view between) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : std::string(between)) + item;
  return text;
}

// What is wrong with a measure against the declared bounds, or empty. `shown` puts a bound into words.
template <class Shown>
std::string bounds_fault(const Setting& setting, std::int64_t measure, const Shown& shown) {
  if (!setting.limited()) return {};
  if (measure < setting.minimum) return "must be at least " + shown(setting.minimum) + ".";
  if (measure > setting.maximum) return "must be at most " + shown(setting.maximum) + ".";
  return {};
}

std::string count_fault(const Setting& setting, std::size_t count, const std::string& of_what) {
  if (!setting.limited()) return {};
  const auto measure = static_cast<std::int64_t>(count);
  if (measure < setting.minimum) return "must have at least " + std::to_string(setting.minimum) + of_what;
  if (measure > setting.maximum) return "must have at most " + std::to_string(setting.maximum) + of_what;
  return {};
}

std::string encoding_fault(const std::string& text) {
  const bool fine = is_utf8(text) && text.find('\0') == std::string::npos;
  return fine ? std::string() : "must be valid UTF-8 text without NUL.";
}

// What is wrong with a text, or empty. Never repeats the text: it may be a secret.
std::string text_fault(const Setting& setting, const std::string& text) {
  if (auto fault = encoding_fault(text); !fault.empty()) return fault;
  if (!text.starts_with(setting.prefix)) return "must begin with " + quoted(setting.prefix) + ".";
  return count_fault(setting, text.size(), " bytes.");
}

std::string choices_fault(const Setting& setting, const std::string& text) {
  std::string known;
  for (const auto& choice : setting.choices) {
    if (choice.value == text) return {};
    known += (known.empty() ? "" : ", ") + choice.value;
  }
  return "must be one of " + known + ".";
}

// Fills `value` from the text or answers what is wrong, as the rest of a sentence that begins with the key.
std::string read_scalar(const Setting& setting, const std::string& text, SettingValue& value) {
  value.text = text;
  switch (setting.type) {
    case SettingType::string:
    case SettingType::secret:
      return text_fault(setting, text);
    case SettingType::url:
      return is_url(text) ? text_fault(setting, text) : "must be an http or https address such as https://example.com.";
    case SettingType::choice:
      return choices_fault(setting, text);
    case SettingType::boolean:
      if (text != "true" && text != "false") return "must be true or false.";
      value.number = text == "true" ? 1 : 0;
      return {};
    case SettingType::integer:
    case SettingType::duration: {
      const bool is_duration = setting.type == SettingType::duration;
      const auto number = is_duration ? parse_milliseconds(text) : parse_integer(text);
      if (!number) return is_duration ? "must be a duration such as 30s, 5m, 2h or 1d." : "must be a whole number.";
      value.number = *number;
      return bounds_fault(setting, *number, [&](std::int64_t bound) { return quantity_text(setting.type, bound); });
    }
    case SettingType::money: {
      const auto money = parse_money(text);
      if (!money) return "must be an amount with its currency, such as \"12.34 EUR\".";
      value.number = money->minor();
      value.currency = std::string(money->currency().code());
      return bounds_fault(setting, value.number,
                          [&](std::int64_t minor) { return Money(minor, money->currency()).to_string(); });
    }
    case SettingType::list:
      break;
  }
  return "must be a list.";
}

std::string read_list(const Setting& setting, const std::vector<std::string>& items, SettingValue& value) {
  value.items = items;
  value.text = joined(items, ",");
  for (const auto& item : items) {
    auto fault = encoding_fault(item);
    if (fault.empty() && !setting.choices.empty()) fault = choices_fault(setting, item);
    if (!fault.empty()) return "has an item that " + fault;
  }
  return count_fault(setting, items.size(), " items.");
}

std::vector<std::string> split_items(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = text.find(',');
    items.emplace_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return items;
}

std::string read_default(const Setting& setting, SettingValue& value) {
  return setting.type == SettingType::list ? read_list(setting, split_items(setting.default_text), value)
                                           : read_scalar(setting, setting.default_text, value);
}

std::string read_given(const Setting& setting, const Raw& raw, SettingValue& value) {
  if (setting.type == SettingType::list) {
    if (raw.kind != Raw::Kind::list) return "must be a list, such as [a, b].";
    return read_list(setting, raw.items, value);
  }
  if (raw.kind == Raw::Kind::list) return "must be a single value, not a list.";
  return read_scalar(setting, raw.text, value);
}

std::string unknown_key_detail(const SettingsTable& table, const std::string& key) {
  std::string best;
  std::size_t best_distance = 3;
  for (const auto& setting : table) {
    const auto distance = edit_distance(key, setting.key);
    if (distance < best_distance) {
      best_distance = distance;
      best = setting.key;
    }
  }
  if (!best.empty()) return "The plugin knows no setting " + quoted(key) + ". Did you mean " + quoted(best) + "?";
  std::vector<std::string> keys;
  for (const auto& setting : table) keys.push_back(setting.key);
  if (keys.empty()) return "The plugin knows no setting " + quoted(key) + "; it has none.";
  return "The plugin knows no setting " + quoted(key) + ". It knows: " + joined(keys, ", ") + ".";
}

}  // namespace

std::string_view to_string(SettingType type) {
  switch (type) {
    case SettingType::string:
      return "string";
    case SettingType::secret:
      return "secret";
    case SettingType::boolean:
      return "bool";
    case SettingType::integer:
      return "int";
    case SettingType::money:
      return "money";
    case SettingType::duration:
      return "duration";
    case SettingType::url:
      return "url";
    case SettingType::choice:
      return "choice";
    case SettingType::list:
      return "list";
  }
  return "string";
}

std::vector<std::string> faults_of(const SettingsTable& table) {
  std::vector<std::string> faults;
  std::set<std::string> seen;
  for (const auto& setting : table) {
    const auto name = "setting " + quoted(setting.key);
    const bool key_ok = !setting.key.empty() && setting.key.size() <= 40 && setting.key.front() >= 'a' &&
                        setting.key.front() <= 'z' && std::all_of(setting.key.begin(), setting.key.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                        });
    if (!key_ok) {
      faults.push_back("a setting's key is not snake_case");
      continue;
    }
    if (!seen.insert(setting.key).second) faults.push_back(name + " stands twice");
    if (setting.type == SettingType::choice && setting.choices.empty()) faults.push_back(name + " has no choices");
    if (setting.minimum > setting.maximum) faults.push_back(name + " has a minimum above its maximum");
    if (!setting.default_text.empty()) {
      SettingValue value;
      if (setting.required) faults.push_back(name + " is required and has a default");
      if (setting.type == SettingType::secret) faults.push_back(name + " is a secret with a default");
      if (auto fault = read_default(setting, value); !fault.empty())
        faults.push_back(name + " has a default that " + fault);
    }
  }
  return faults;
}

SettingsOutcome parse_settings(const SettingsTable& table, const RawSettings& raw, const std::string& place) {
  SettingsOutcome outcome;
  for (const auto& entry : raw) {
    const auto& key = entry.first;
    const auto known =
        std::any_of(table.begin(), table.end(), [&](const Setting& setting) { return setting.key == key; });
    if (!known) outcome.errors.push_back({entry.second.place, unknown_key_detail(table, key)});
  }
  for (const auto& setting : table) {
    SettingValue value{.key = setting.key, .type = setting.type, .text = {}, .number = 0, .currency = {}, .items = {}};
    const auto given = raw.find(setting.key);
    if (given == raw.end()) {
      if (!setting.default_text.empty()) {
        if (read_default(setting, value).empty()) outcome.values.push_back(std::move(value));
      } else if (setting.required) {
        const auto help = setting.help.empty() ? "" : " (" + setting.help + ")";
        outcome.errors.push_back({place, quoted(setting.key) + " is missing" + help + "."});
      }
      continue;
    }
    if (!setting.deprecated_by.empty()) {
      outcome.warnings.push_back(
          {given->second.place, quoted(setting.key) + " is replaced by " + quoted(setting.deprecated_by) + "."});
    }
    const bool empty_text =
        given->second.kind == Raw::Kind::scalar && given->second.text.empty() && setting.type != SettingType::list;
    auto fault =
        setting.required && empty_text ? std::string("must not be empty.") : read_given(setting, given->second, value);
    if (fault.empty()) {
      outcome.values.push_back(std::move(value));
    } else {
      outcome.errors.push_back({given->second.place, quoted(setting.key) + " " + fault});
    }
  }
  return outcome;
}

}  // namespace bursar::plugin_host
