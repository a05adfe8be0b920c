// Amounts as text, without floating point: "12.34" with two decimals is 1234 minor units, and back.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace plugin_support {

inline constexpr int decimals_max = 18;

// What a currency of ISO 4217 counts in, which is how amounts cross the plugin boundary. Codes in capital letters.
[[nodiscard]] constexpr int iso_decimals(std::string_view currency) {
  constexpr std::string_view none[] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
                                       "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"};
  constexpr std::string_view three[] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
  constexpr std::string_view four[] = {"CLF", "UYW"};
  for (const std::string_view code : none) {
    if (code == currency) return 0;
  }
  for (const std::string_view code : three) {
    if (code == currency) return 3;
  }
  for (const std::string_view code : four) {
    if (code == currency) return 4;
  }
  return 2;
}

// An amount in units of 10^-from as one of 10^-to; nothing where that is not exact or too large.
[[nodiscard]] constexpr std::optional<std::int64_t> rescale(std::int64_t minor, int from, int to) {
  for (; from < to; ++from) {
    if (minor > std::numeric_limits<std::int64_t>::max() / 10 || minor < std::numeric_limits<std::int64_t>::min() / 10)
      return std::nullopt;
    minor *= 10;
  }
  for (; from > to; --from) {
    if (minor % 10 != 0) return std::nullopt;
    minor /= 10;
  }
  return minor;
}

// "-12.3" with two decimals is -1230. Nothing for another form (sign alone, no digit before or after the point, spaces,
// exponents, digits of other scripts), for more decimals than the currency has unless they are zeros, and when too
// large.
[[nodiscard]] constexpr std::optional<std::int64_t> parse_amount(std::string_view text, int decimals) {
  if (decimals < 0 || decimals > decimals_max) return std::nullopt;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() || (point != std::string_view::npos && part.empty())) return std::nullopt;
  std::int64_t value = 0;  // kept negative: the range below zero is the larger one
  const auto add = [&value](char digit) {
    if (digit < '0' || digit > '9') return false;
    constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
    if (value < lowest / 10) return false;
    value *= 10;
    if (value < lowest + (digit - '0')) return false;
    value -= digit - '0';
    return true;
  };
  for (const char digit : whole) {
    if (!add(digit)) return std::nullopt;
  }
  for (int i = 0; i < decimals; ++i) {
    if (!add(static_cast<std::size_t>(i) < part.size() ? part[static_cast<std::size_t>(i)] : '0')) return std::nullopt;
  }
  for (std::size_t i = static_cast<std::size_t>(decimals); i < part.size(); ++i) {
    if (part[i] != '0') return std::nullopt;
  }
  if (negative) return value;
  if (value == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  return -value;
}

// 1234 with two decimals is "12.34", 5 is "0.05"; no decimals: no point.
[[nodiscard]] inline std::string format_amount(std::int64_t minor, int decimals) {
  const bool negative = minor < 0;
  // Negated as unsigned, as the lowest value has no positive counterpart.
  const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(minor) : static_cast<std::uint64_t>(minor);
  std::string digits = std::to_string(size);
  const auto places = static_cast<std::size_t>(decimals);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  if (places != 0) digits.insert(digits.size() - places, 1, '.');
  return negative ? "-" + digits : digits;
}

}  // namespace plugin_support
