// Goal: no amount is ever lost, made or misread. The currencies with 0, 2, 3 and 4 digits run through every rule.
#include "base/money.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <numeric>

namespace bursar {
namespace {

Currency currency(std::string_view code) { return Currency::parse(code).value(); }
Money money(std::string_view text, std::string_view code) { return Money::parse(text, currency(code)).value(); }
std::string refusal(std::string_view text, std::string_view code) {
  auto result = Money::parse(text, currency(code));
  return result.ok() ? "accepted" : result.error().code;
}

TEST(Currency, knows_the_digits_of_iso_4217) {
  EXPECT_EQ(currency("JPY").exponent(), 0);
  EXPECT_EQ(currency("USD").exponent(), 2);
  EXPECT_EQ(currency("KWD").exponent(), 3);
  EXPECT_EQ(currency("CLF").exponent(), 4);
  EXPECT_EQ(currency("AED").code(), "AED");
  EXPECT_EQ(currency("ZWG").code(), "ZWG");
}

TEST(Currency, refuses_what_is_no_money_in_use) {
  for (const char* code : {"", "usd", "US", "USDX", "XAU", "XXX", "XTS", "DEM", "HRK", "BTC", "\xef\xbc\xb5SD"}) {
    EXPECT_FALSE(Currency::parse(code).ok()) << code;
  }
}

TEST(Money, reads_exactly_the_digits_of_its_currency) {
  EXPECT_EQ(money("12.34", "USD").minor(), 1234);
  EXPECT_EQ(money("1234", "JPY").minor(), 1234);
  EXPECT_EQ(money("1.234", "KWD").minor(), 1234);
  EXPECT_EQ(money("0.0001", "CLF").minor(), 1);
  EXPECT_EQ(money("-0.50", "EUR").minor(), -50);
  EXPECT_EQ(money("0.00", "EUR").minor(), 0);
  EXPECT_EQ(money("100000000000000.00", "USD").minor(), Money::max_minor);
}

TEST(Money, names_what_is_wrong_with_a_malformed_amount) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "amount_is_empty"},
      {"1,00", "amount_has_a_separator"},
      {"1'000.00", "amount_has_a_separator"},
      {"\xef\xbc\x91.00", "amount_is_not_ascii"},
      {"1e2", "amount_has_an_exponent"},
      {"1e9", "amount_has_an_exponent"},
      {"1E9", "amount_has_an_exponent"},
      {" 1", "amount_has_a_space"},
      {"1.00 ", "amount_has_a_space"},
      {"1.00\n", "amount_has_a_space"},
      {"+1", "amount_has_a_plus_sign"},
      {"1-", "amount_has_a_misplaced_sign"},
      {"--1.00", "amount_has_a_misplaced_sign"},
      {"0x1", "amount_has_a_bad_character"},
      {"NaN", "amount_has_a_bad_character"},
      {"$1.00", "amount_has_a_bad_character"},
      {"1.001", "amount_has_too_many_digits"},
      {"12.345", "amount_has_too_many_digits"},
      {"1", "amount_has_too_few_digits"},
      {"1.", "amount_has_too_few_digits"},
      {"1.5", "amount_has_too_few_digits"},
      {"1.0.0", "amount_has_two_points"},
      {".50", "amount_has_no_whole_part"},
      {"-", "amount_has_no_whole_part"},
      {"-.50", "amount_has_no_whole_part"},
      {"01.00", "amount_has_leading_zeros"},
      {"-00.50", "amount_has_leading_zeros"},
      {"-0.00", "amount_is_negative_zero"},
      {"99999999999999999999.00", "amount_is_too_large"},
      {"1234567890123456789012345678901234567890.00", "amount_is_too_large"},
      {"100000000000000.01", "amount_is_too_large"},
      {"-100000000000000.01", "amount_is_too_large"},
  };
  for (const auto& [text, code] : cases) EXPECT_EQ(refusal(text, "USD"), code) << text;
  EXPECT_EQ(refusal("1.5", "JPY"), "amount_has_too_many_digits");
  EXPECT_EQ(refusal("1.", "JPY"), "amount_has_too_many_digits");
  EXPECT_EQ(refusal("-0", "JPY"), "amount_is_negative_zero");
  EXPECT_EQ(refusal("99999999999999999999", "JPY"), "amount_is_too_large");
  EXPECT_EQ(refusal("1.00", "KWD"), "amount_has_too_few_digits");
  EXPECT_EQ(refusal(std::string_view("1.0\0", 4), "USD"), "amount_has_a_bad_character");
}

TEST(Money, is_written_as_it_is_read) {
  for (const char* code : {"JPY", "USD", "KWD", "CLF"}) {
    EXPECT_TRUE(rc::check([&] {
      const auto minor = *rc::gen::inRange<std::int64_t>(-Money::max_minor, Money::max_minor + 1);
      const Money amount(minor, currency(code));
      RC_ASSERT(Money::parse(amount.to_decimal(), amount.currency()).value() == amount);
    }));
  }
  EXPECT_EQ(money("-0.05", "USD").to_string(), "-0.05 USD");
  EXPECT_EQ(Money(7, currency("JPY")).to_string(), "7 JPY");
  EXPECT_EQ(Money(-7, currency("CLF")).to_decimal(), "-0.0007");
}

TEST(Money, stays_within_its_bound_and_its_currency) {
  const Money most(Money::max_minor, currency("USD"));
  EXPECT_THROW(most + money("0.01", "USD"), MoneyError);
  EXPECT_THROW(-most - money("0.01", "USD"), MoneyError);
  EXPECT_THROW(Money(Money::max_minor + 1, currency("USD")), MoneyError);
  EXPECT_THROW((void)most.multiply({2, 1}, Rounding::down), MoneyError);
  EXPECT_THROW(money("1.00", "USD") + money("1.00", "EUR"), MoneyError);
  EXPECT_THROW((void)(money("1.00", "USD") < money("1.00", "EUR")), MoneyError);
  EXPECT_FALSE(money("1.00", "USD") == money("1.00", "EUR"));
  EXPECT_TRUE(money("1.00", "USD") < money("1.01", "USD"));
}

TEST(Money, rounds_each_quotient_as_named) {
  struct Case {
    std::int64_t minor, half_even, half_up, down, up;
  };
  // a quarter of: 1.25 -> ties are at .5: minor/4
  const Case cases[] = {{4, 1, 1, 1, 1},      {5, 1, 1, 1, 2},       {6, 2, 2, 1, 2},       {7, 2, 2, 1, 2},
                        {10, 2, 3, 2, 3},     {14, 4, 4, 3, 4},      {2, 0, 1, 0, 1},       {-5, -1, -1, -1, -2},
                        {-6, -2, -2, -1, -2}, {-10, -2, -3, -2, -3}, {-14, -4, -4, -3, -4}, {0, 0, 0, 0, 0}};
  for (const Case& c : cases) {
    const Money amount(c.minor, currency("USD"));
    EXPECT_EQ(amount.multiply({1, 4}, Rounding::half_even).minor(), c.half_even) << c.minor;
    EXPECT_EQ(amount.multiply({1, 4}, Rounding::half_up).minor(), c.half_up) << c.minor;
    EXPECT_EQ(amount.multiply({1, 4}, Rounding::down).minor(), c.down) << c.minor;
    EXPECT_EQ(amount.multiply({1, 4}, Rounding::up).minor(), c.up) << c.minor;
  }
}

TEST(Money, multiplies_beyond_64_bits_on_the_way) {
  const Money most(Money::max_minor, currency("USD"));
  EXPECT_EQ(most.multiply({INT64_MAX, INT64_MAX}, Rounding::half_even), most);
  EXPECT_EQ(most.multiply({INT64_MAX - 1, INT64_MAX}, Rounding::half_up), most);
  EXPECT_EQ(most.multiply({-1, 1}, Rounding::half_up), -most);
}

TEST(Money, allocation_loses_nothing_and_is_fair) {
  EXPECT_TRUE(rc::check([] {
    const auto minor = *rc::gen::inRange<std::int64_t>(-Money::max_minor, Money::max_minor + 1);
    auto weights = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 1'000'000'000));
    weights.push_back(*rc::gen::inRange<std::int64_t>(1, INT64_MAX));
    const Money amount(minor, currency("USD"));
    const auto parts = allocate(amount, weights);
    Money sum = Money::zero(amount.currency());
    __extension__ __int128 all = 0;
    for (const auto weight : weights) all += weight;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      sum += parts[i];
      if (weights[i] == 0) RC_ASSERT(parts[i].is_zero());
      // Each part is less than one unit away from its exact share.
      __extension__ const __int128 away =
          static_cast<__int128>(parts[i].minor()) * all - static_cast<__int128>(minor) * weights[i];
      RC_ASSERT(away < all && -away < all);
    }
    RC_ASSERT(sum == amount);
  }));
}

TEST(Money, allocation_gives_the_rest_to_the_largest_remainders_and_ties_to_the_earlier) {
  const auto split = [](const char* text, const char* code, std::vector<std::int64_t> weights) {
    std::vector<std::int64_t> out;
    for (const Money& part : allocate(money(text, code), weights)) out.push_back(part.minor());
    return out;
  };
  using Parts = std::vector<std::int64_t>;
  EXPECT_EQ(split("100", "JPY", {1, 1, 1}), (Parts{34, 33, 33}));
  EXPECT_EQ(split("-1.00", "USD", {1, 1, 1}), (Parts{-34, -33, -33}));
  EXPECT_EQ(split("0.05", "USD", {1, 2}), (Parts{2, 3}));
  EXPECT_EQ(split("0.010", "KWD", {0, 1, 2, 4}), (Parts{0, 1, 3, 6}));
  EXPECT_THROW(allocate(money("1.00", "USD"), Parts{0, 0}), InvariantBroken);
  EXPECT_THROW(allocate(money("1.00", "USD"), Parts{2, -1}), InvariantBroken);
  EXPECT_THROW(allocate(money("1.00", "USD"), Parts{}), InvariantBroken);
}

TEST(Percent, is_exact) {
  EXPECT_EQ(parse_percent("8.25").value().num, 8'250'000);
  EXPECT_EQ(money("100.00", "USD").multiply(parse_percent("8.25").value(), Rounding::half_up).minor(), 825);
  EXPECT_EQ(money("0.10", "USD").multiply(parse_percent("5").value(), Rounding::half_up).minor(), 1);
  EXPECT_EQ(money("100.00", "USD").multiply(parse_percent("100").value(), Rounding::half_up).minor(), 10000);
  for (const char* text : {"0", "5", "8.25", "0.000001", "99.999999", "100", "19.6"}) {
    EXPECT_EQ(percent_to_string(parse_percent(text).value()), text);
  }
  EXPECT_EQ(percent_to_string({825, 10'000}), "8.25");
}

TEST(Percent, refuses_anything_else) {
  for (const char* text : {"", "8,25", "8.25%", "-1", "100.000001", "101", "1e1", "5.", ".5", "05", "1.0000001", "1000",
                           "99999999999999999999", " 5"}) {
    EXPECT_FALSE(parse_percent(text).ok()) << text;
  }
}

}  // namespace
}  // namespace bursar
