// The settings side of testing.hpp: turns written texts into the values a host would hand over.
#pragma once

#include <charconv>

#include "testing.hpp"

namespace bursar::testing {

inline std::int64_t whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::runtime_error("no whole number: " + std::string(text));
  return value;
}

inline std::int64_t duration_ms(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit = text.substr(digits);
  const std::int64_t value = whole_number(text.substr(0, digits));
  if (unit == "ms") return value;
  if (unit == "s") return value * 1000;
  if (unit == "m") return value * 60'000;
  if (unit == "h") return value * 3'600'000;
  if (unit == "d") return value * 86'400'000;
  throw std::runtime_error("no duration: " + std::string(text));
}

inline bursar_money money_from(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) throw std::runtime_error("no amount with a currency: " + std::string(text));
  const std::string currency(text.substr(space + 1));
  const std::size_t decimals = currency == "JPY" ? 0 : currency == "KWD" ? 3 : 2;
  const std::string_view amount = text.substr(0, space);
  const std::size_t point = std::min(amount.find('.'), amount.size());
  std::string digits(amount.substr(0, point));
  std::string fraction(amount.substr(std::min(point + 1, amount.size())));
  if (fraction.size() > decimals) throw std::runtime_error("too many decimals: " + std::string(text));
  fraction.resize(decimals, '0');
  return detail::to_abi({whole_number(digits + fraction), currency});
}

inline SettingValues::SettingValues(const bursar_descriptor& descriptor,
                                    const std::map<std::string, std::string, std::less<>>& written) {
  std::size_t known = 0;
  const char* at = reinterpret_cast<const char*>(descriptor.settings);
  for (std::uint64_t i = 0; i < descriptor.settings_count; ++i, at += descriptor.setting_size) {
    const auto& row = *reinterpret_cast<const bursar_setting*>(at);
    const auto found = written.find(detail::read(row.key));
    if (found != written.end()) {
      ++known;
      add(row, found->second);
    } else if (row.default_value.size != 0) {
      add(row, std::string(detail::read(row.default_value)));
    } else if ((row.flags & BURSAR_SETTING_REQUIRED) != 0) {
      throw std::runtime_error("the setting " + std::string(detail::read(row.key)) + " is required");
    }
  }
  if (known != written.size()) throw std::runtime_error("a setting was written that the table does not have");
  raw_.struct_size = sizeof raw_;
  raw_.value_size = sizeof(bursar_setting_value);
  raw_.values = values_.data();
  raw_.count = values_.size();
}

inline void SettingValues::add(const bursar_setting& row, const std::string& text) {
  const std::string& kept = *texts_.emplace_back(std::make_unique<std::string>(text));
  bursar_setting_value value{};
  value.struct_size = sizeof value;
  value.type = row.type;
  value.key = row.key;
  value.text = detail::borrow(kept);
  switch (row.type) {
    case BURSAR_SETTING_BOOL:
      if (text != "true" && text != "false") throw std::runtime_error("neither true nor false: " + text);
      value.integer = text == "true" ? 1 : 0;
      break;
    case BURSAR_SETTING_INTEGER:
      value.integer = whole_number(text);
      break;
    case BURSAR_SETTING_DURATION:
      value.integer = duration_ms(text);
      break;
    case BURSAR_SETTING_MONEY:
      value.money = money_from(text);
      break;
    case BURSAR_SETTING_CHOICE: {
      bool known = false;
      for (std::uint32_t i = 0; i < row.choices_count; ++i) known = known || detail::read(row.choices[i].value) == text;
      if (!known) throw std::runtime_error(std::string(detail::read(row.key)) + " is none of its choices: " + text);
      break;
    }
    case BURSAR_SETTING_LIST: {  // written "a,b,c" here
      std::vector<bursar_str>& items = *lists_.emplace_back(std::make_unique<std::vector<bursar_str>>());
      std::string_view rest(kept);
      while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        items.push_back(detail::borrow(rest.substr(0, comma)));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
      value.items = {items.data(), items.size()};
      break;
    }
    case BURSAR_SETTING_URL:
      if (!text.starts_with("https://") && !text.starts_with("http://"))
        throw std::runtime_error("no http or https address: " + text);
      break;
    default:
      break;
  }
  values_.push_back(value);
}

}  // namespace bursar::testing
