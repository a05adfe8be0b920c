#include "amounts.hpp"

#include <algorithm>
#include <plugin_support/amount.hpp>

namespace paypal {
namespace {

using plugin_support::iso_decimals;

constexpr std::string_view known[] = {"AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR",
                                      "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK",
                                      "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"};

bool is_known(std::string_view code) { return std::find(std::begin(known), std::end(known), code) != std::end(known); }

int decimals_at_paypal(std::string_view code) { return code == "HUF" || code == "TWD" ? 0 : iso_decimals(code); }

}  // namespace

std::vector<std::string> currencies() { return {std::begin(known), std::end(known)}; }

std::optional<std::string> to_decimal(const bursar::Money& amount) {
  if (!is_known(amount.currency) || amount.minor <= 0) return std::nullopt;
  const int decimals = decimals_at_paypal(amount.currency);
  const auto units = plugin_support::rescale(amount.minor, iso_decimals(amount.currency), decimals);
  return units ? std::optional(plugin_support::format_amount(*units, decimals)) : std::nullopt;
}

std::optional<bursar::Money> from_decimal(std::string_view value, std::string_view currency) {
  if (!is_known(currency)) return std::nullopt;
  const auto minor = plugin_support::parse_amount(value, iso_decimals(currency));
  if (!minor || *minor < 0) return std::nullopt;
  return bursar::Money{*minor, std::string(currency)};
}

}  // namespace paypal
