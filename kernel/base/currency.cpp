// The active codes of ISO 4217 list one that name money: no metals, bond units, test codes or "no currency".
#include <algorithm>
#include <iterator>

#include "base/money.hpp"

namespace bursar {
namespace {

// In the order of the alphabet: the search below relies on it.
constexpr Currency currencies[] = {
    make_currency("AED", 2), make_currency("AFN", 2), make_currency("ALL", 2), make_currency("AMD", 2),
    make_currency("AOA", 2), make_currency("ARS", 2), make_currency("AUD", 2), make_currency("AWG", 2),
    make_currency("AZN", 2), make_currency("BAM", 2), make_currency("BBD", 2), make_currency("BDT", 2),
    make_currency("BHD", 3), make_currency("BIF", 0), make_currency("BMD", 2), make_currency("BND", 2),
    make_currency("BOB", 2), make_currency("BOV", 2), make_currency("BRL", 2), make_currency("BSD", 2),
    make_currency("BTN", 2), make_currency("BWP", 2), make_currency("BYN", 2), make_currency("BZD", 2),
    make_currency("CAD", 2), make_currency("CDF", 2), make_currency("CHE", 2), make_currency("CHF", 2),
    make_currency("CHW", 2), make_currency("CLF", 4), make_currency("CLP", 0), make_currency("CNY", 2),
    make_currency("COP", 2), make_currency("COU", 2), make_currency("CRC", 2), make_currency("CUP", 2),
    make_currency("CVE", 2), make_currency("CZK", 2), make_currency("DJF", 0), make_currency("DKK", 2),
    make_currency("DOP", 2), make_currency("DZD", 2), make_currency("EGP", 2), make_currency("ERN", 2),
    make_currency("ETB", 2), make_currency("EUR", 2), make_currency("FJD", 2), make_currency("FKP", 2),
    make_currency("GBP", 2), make_currency("GEL", 2), make_currency("GHS", 2), make_currency("GIP", 2),
    make_currency("GMD", 2), make_currency("GNF", 0), make_currency("GTQ", 2), make_currency("GYD", 2),
    make_currency("HKD", 2), make_currency("HNL", 2), make_currency("HTG", 2), make_currency("HUF", 2),
    make_currency("IDR", 2), make_currency("ILS", 2), make_currency("INR", 2), make_currency("IQD", 3),
    make_currency("IRR", 2), make_currency("ISK", 0), make_currency("JMD", 2), make_currency("JOD", 3),
    make_currency("JPY", 0), make_currency("KES", 2), make_currency("KGS", 2), make_currency("KHR", 2),
    make_currency("KMF", 0), make_currency("KPW", 2), make_currency("KRW", 0), make_currency("KWD", 3),
    make_currency("KYD", 2), make_currency("KZT", 2), make_currency("LAK", 2), make_currency("LBP", 2),
    make_currency("LKR", 2), make_currency("LRD", 2), make_currency("LSL", 2), make_currency("LYD", 3),
    make_currency("MAD", 2), make_currency("MDL", 2), make_currency("MGA", 2), make_currency("MKD", 2),
    make_currency("MMK", 2), make_currency("MNT", 2), make_currency("MOP", 2), make_currency("MRU", 2),
    make_currency("MUR", 2), make_currency("MVR", 2), make_currency("MWK", 2), make_currency("MXN", 2),
    make_currency("MXV", 2), make_currency("MYR", 2), make_currency("MZN", 2), make_currency("NAD", 2),
    make_currency("NGN", 2), make_currency("NIO", 2), make_currency("NOK", 2), make_currency("NPR", 2),
    make_currency("NZD", 2), make_currency("OMR", 3), make_currency("PAB", 2), make_currency("PEN", 2),
    make_currency("PGK", 2), make_currency("PHP", 2), make_currency("PKR", 2), make_currency("PLN", 2),
    make_currency("PYG", 0), make_currency("QAR", 2), make_currency("RON", 2), make_currency("RSD", 2),
    make_currency("RUB", 2), make_currency("RWF", 0), make_currency("SAR", 2), make_currency("SBD", 2),
    make_currency("SCR", 2), make_currency("SDG", 2), make_currency("SEK", 2), make_currency("SGD", 2),
    make_currency("SHP", 2), make_currency("SLE", 2), make_currency("SOS", 2), make_currency("SRD", 2),
    make_currency("SSP", 2), make_currency("STN", 2), make_currency("SVC", 2), make_currency("SYP", 2),
    make_currency("SZL", 2), make_currency("THB", 2), make_currency("TJS", 2), make_currency("TMT", 2),
    make_currency("TND", 3), make_currency("TOP", 2), make_currency("TRY", 2), make_currency("TTD", 2),
    make_currency("TWD", 2), make_currency("TZS", 2), make_currency("UAH", 2), make_currency("UGX", 0),
    make_currency("USD", 2), make_currency("USN", 2), make_currency("UYI", 0), make_currency("UYU", 2),
    make_currency("UYW", 4), make_currency("UZS", 2), make_currency("VED", 2), make_currency("VES", 2),
    make_currency("VND", 0), make_currency("VUV", 0), make_currency("WST", 2), make_currency("XAF", 0),
    make_currency("XCD", 2), make_currency("XCG", 2), make_currency("XOF", 0), make_currency("XPF", 0),
    make_currency("YER", 2), make_currency("ZAR", 2), make_currency("ZMW", 2), make_currency("ZWG", 2),
};

}  // namespace

Result<Currency> Currency::parse(std::string_view code) {
  const auto* found = std::lower_bound(std::begin(currencies), std::end(currencies), code,
                                       [](const Currency& c, std::string_view wanted) { return c.code() < wanted; });
  if (found != std::end(currencies) && found->code() == code) return *found;
  return invalid("unknown_currency",
                 "A currency is the code of ISO 4217 in three capital letters, such as USD, of money in use.");
}

}  // namespace bursar
