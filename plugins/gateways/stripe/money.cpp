#include "money.hpp"

#include <algorithm>

#include "plugin_support/amount.hpp"

namespace stripe {
namespace {

constexpr int thousandths = 3;

int decimals_at_stripe(std::string_view currency) {
  if (currency == "MGA") return 0;
  if (currency == "ISK" || currency == "UGX") return 2;
  return plugin_support::iso_decimals(currency);
}

std::string capital_letters(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

}  // namespace

std::string small_letters(std::string_view currency) {
  std::string out(currency);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::optional<std::int64_t> to_stripe(const bursar::Money& money) {
  const int here = plugin_support::iso_decimals(money.currency);
  if (here == thousandths && money.minor % 10 != 0) return std::nullopt;
  return plugin_support::rescale(money.minor, here, decimals_at_stripe(money.currency));
}

bursar::Money from_stripe(std::int64_t amount, std::string_view currency) {
  std::string code = capital_letters(currency);
  const auto minor = plugin_support::rescale(amount, decimals_at_stripe(code), plugin_support::iso_decimals(code));
  if (!minor) throw bursar::OutcomeUnknown("Stripe tells of an amount of " + code + " that has a fraction");
  return {*minor, std::move(code)};
}

const std::vector<std::string>& currencies() {
  static const std::vector<std::string> all = {
      "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND",
      "BOB", "BRL", "BSD", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CVE", "CZK", "DJF",
      "DKK", "DOP", "DZD", "EGP", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD",
      "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KRW", "KWD",
      "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MUR", "MVR",
      "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR",
      "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD",
      "STN", "SZL", "THB", "TJS", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VND",
      "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW"};
  return all;
}

}  // namespace stripe
