// PayPal's amounts: decimal strings. Exact in both directions, or not at all.
#pragma once

#include <bursar/values.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paypal {

// What PayPal settles in.
std::vector<std::string> currencies();

// "12.34". Nothing where PayPal can't take the amount: a foreign currency, nothing or less, or a fraction in a currency
// that it only takes whole (HUF and TWD, which have two decimals everywhere else).
std::optional<std::string> to_decimal(const bursar::Money& amount);

// Nothing for what is no plain decimal, is negative or finer than the minor unit, or overflows.
std::optional<bursar::Money> from_decimal(std::string_view value, std::string_view currency);

}  // namespace paypal
