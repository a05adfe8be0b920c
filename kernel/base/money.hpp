// Money: a whole number of minor units of one ISO 4217 currency. There is no floating point anywhere near it.
//
// Read this file first: the product moves nothing else.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace bursar {

// An ISO 4217 currency: its three-letter code and its number of minor-unit digits (JPY 0, USD 2, KWD 3).
class Currency {
 public:
  // Only active ISO 4217 codes that are money one can bill in (no XAU, XXX, XTS); case matters.
  static Result<Currency> parse(std::string_view code);

  [[nodiscard]] std::string_view code() const { return {code_.data(), code_.size()}; }
  [[nodiscard]] int exponent() const { return exponent_; }

  auto operator<=>(const Currency&) const = default;

 private:
  constexpr Currency(std::array<char, 3> code, std::uint8_t exponent) : code_(code), exponent_(exponent) {}
  friend constexpr Currency make_currency(const char (&code)[4], std::uint8_t exponent);
  std::array<char, 3> code_;
  std::uint8_t exponent_;
};
constexpr Currency make_currency(const char (&code)[4], std::uint8_t exponent) {
  return Currency({code[0], code[1], code[2]}, exponent);
}

// How a quotient that is not whole becomes whole. Every division of money names one.
enum class Rounding {
  half_even,  // to nearest, ties to even: proration
  half_up,    // to nearest, ties away from zero: tax (the rule of most tax offices)
  down,       // toward zero
  up,         // away from zero
};

// A rational of integers; `den` > 0. A rate of 8.25 % is {825, 10000}.
struct Ratio {
  std::int64_t num = 0;
  std::int64_t den = 1;
};

// Thrown when a sum leaves the range or two currencies meet: an invariant of the caller is broken, never user input.
class MoneyError : public InvariantBroken {
 public:
  using InvariantBroken::InvariantBroken;
};

class Money {
 public:
  // A sanity bound far above any invoice and far below overflow, so that sums of a million amounts cannot wrap
  // before the check of the next operation sees it: 10^16 minor units.
  static constexpr std::int64_t max_minor = 10'000'000'000'000'000;

  Money(std::int64_t minor, Currency currency);  // throws MoneyError beyond max_minor
  static Money zero(Currency currency) { return {0, currency}; }

  // Strict decimal text with exactly the currency's digits: "12.34" USD, "1234" JPY, "-0.50" EUR.
  // Refused: exponents, signs "+" and "-0.00", spaces, separators, missing or extra digits, leading zeros,
  // anything but ASCII, amounts beyond max_minor. The error's code says which.
  static Result<Money> parse(std::string_view text, Currency currency);

  [[nodiscard]] std::int64_t minor() const { return minor_; }
  [[nodiscard]] Currency currency() const { return currency_; }
  [[nodiscard]] bool is_zero() const { return minor_ == 0; }
  [[nodiscard]] bool is_negative() const { return minor_ < 0; }
  [[nodiscard]] bool is_positive() const { return minor_ > 0; }

  [[nodiscard]] std::string to_decimal() const;  // "12.34"; parse() reads it back
  [[nodiscard]] std::string to_string() const;   // "12.34 USD"

  Money operator-() const;
  Money& operator+=(Money other);  // throw MoneyError on another currency or out of range
  Money& operator-=(Money other);
  friend Money operator+(Money a, Money b) { return a += b; }
  friend Money operator-(Money a, Money b) { return a -= b; }

  bool operator==(const Money&) const = default;
  std::strong_ordering operator<=>(const Money& other) const;  // throws MoneyError on another currency

  // amount * ratio with a 128-bit intermediate.
  [[nodiscard]] Money multiply(Ratio ratio, Rounding rounding) const;

 private:
  std::int64_t minor_;
  Currency currency_;
};

// Splits an amount by weights (each >= 0, sum > 0) so that the parts sum to it exactly. The units left over by
// rounding down go to the largest remainders, ties to the earlier part, so the result does not depend on anything
// but the order of weights.
std::vector<Money> allocate(Money amount, std::span<const std::int64_t> weights);

// A percentage from strict decimal text ("5", "8.25", at most six decimals, 0 to 100 inclusive) as a Ratio of
// {units, 100'000'000} (1 % = 1'000'000).
Result<Ratio> parse_percent(std::string_view text);
std::string percent_to_string(Ratio rate);  // "8.25"

}  // namespace bursar
