// Goal: net, tax and total are right to the minor unit, in any order of lines, in currencies of 0, 2 and 3 digits.
#include "invoicing/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace bursar::invoicing {
namespace {

Currency currency(std::string_view code) { return Currency::parse(code).value(); }
const Currency usd = currency("USD");

catalog::TaxTreatment taxed(std::string_view percent, bool inclusive = false) {
  const Ratio rate = parse_percent(percent).value();
  return {
      .rule = "DE VAT", .place = "DE", .rate = rate, .inclusive = inclusive, .price_contains = rate, .category = "S"};
}

DraftLine line(Money price, const catalog::TaxTreatment& treatment, std::int64_t quantity = 1) {
  return {
      .kind = LineKind::manual, .description = "x", .quantity = quantity, .unit_price = price, .treatment = &treatment};
}

struct Case {
  const char* what;
  const char* currency;
  const char* percent;
  bool inclusive;
  std::vector<std::int64_t> prices;
  std::int64_t net, tax;
};

TEST(Assess, totals_by_table) {
  const Case cases[] = {
      {"exclusive", "USD", "19", false, {1000}, 1000, 190},
      {"half a cent goes up", "USD", "5", false, {10}, 10, 1},
      {"half a cent of a credit goes away from zero", "USD", "5", false, {-10, -10, 10}, -10, -1},
      {"one rounding for the group, not one a line", "USD", "10", false, {4, 4, 4}, 12, 1},
      {"inclusive: net and tax are the price", "EUR", "19", true, {1000}, 840, 160},
      {"inclusive over several lines", "EUR", "19", true, {333, 333, 334}, 840, 160},
      {"yen have no decimals", "JPY", "10", false, {105}, 105, 11},
      {"dinars have three", "KWD", "5", false, {12345}, 12345, 617},
      {"a discount lowers the tax too", "USD", "20", false, {1000, -500}, 500, 100},
      {"everything off", "USD", "20", false, {1000, -1000}, 0, 0},
      {"nothing", "USD", "20", false, {0}, 0, 0},
      {"no tax", "USD", "0", false, {999}, 999, 0},
  };
  for (const auto& c : cases) {
    const auto treatment = taxed(c.percent, c.inclusive);
    std::vector<DraftLine> lines;
    for (const auto price : c.prices) lines.push_back(line(Money(price, currency(c.currency)), treatment));
    const Totals totals = assess(lines, currency(c.currency));
    EXPECT_EQ(totals.net.minor(), c.net) << c.what;
    EXPECT_EQ(totals.tax.minor(), c.tax) << c.what;
    Money net = Money::zero(totals.net.currency()), tax = net;
    for (const auto& each : lines) {
      net += each.net;
      tax += each.tax;
    }
    EXPECT_EQ(net, totals.net) << c.what << ": the lines sum to the net";
    EXPECT_EQ(tax, totals.tax) << c.what << ": the lines sum to the tax";
  }
}

TEST(Assess, rates_are_taxed_apart_and_summed_by_place) {
  const auto standard = taxed("19");
  auto reduced = taxed("7");
  reduced.place = "FR";
  std::vector<DraftLine> lines{line(Money(1000, usd), standard), line(Money(1000, usd), reduced),
                               line(Money(500, usd), standard)};
  const Totals totals = assess(lines, usd);
  EXPECT_EQ(totals.tax_by_place.at("DE"), Money(285, usd));
  EXPECT_EQ(totals.tax_by_place.at("FR"), Money(70, usd));
  EXPECT_EQ(totals.total, Money(2855, usd));
  EXPECT_EQ(lines[1].tax, Money(70, usd));
}

TEST(Assess, an_inclusive_price_loses_the_tax_a_reverse_charged_buyer_does_not_pay) {
  auto treatment = taxed("19", true);
  treatment.rate = {0, 100'000'000};
  treatment.category = "AE";
  std::vector<DraftLine> lines{line(Money(1190, usd), treatment)};
  const Totals totals = assess(lines, usd);
  EXPECT_EQ(totals.total, Money(1000, usd));
  EXPECT_TRUE(totals.tax.is_zero());
}

TEST(Assess, quantity_multiplies_the_listed_price) {
  const auto treatment = taxed("10");
  std::vector<DraftLine> lines{line(Money(333, usd), treatment, 3)};
  EXPECT_EQ(assess(lines, usd).total, Money(1099, usd));
}

// For random lines of both signs: the sums hold, each line is within a unit of its own tax, and the order is of no
// consequence to the totals.
TEST(Assess, holds_for_random_lines_in_any_order) {
  const std::uint32_t seed = 20270131;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const auto treatment = taxed(std::to_string(random() % 28) + ".5", random() % 2 == 0);
    std::vector<DraftLine> lines;
    const auto count = 1 + random() % 12;
    for (std::size_t i = 0; i < count; ++i) {
      lines.push_back(line(Money(static_cast<std::int64_t>(random() % 10'000) - 2'000, usd), treatment));
    }
    const Totals totals = assess(lines, usd);
    Money net = Money::zero(usd), tax = net;
    const std::int64_t share_num = treatment.rate.num;
    const std::int64_t share_den = treatment.rate.den + (treatment.inclusive ? treatment.rate.num : 0);
    for (const auto& each : lines) {
      net += each.net;
      tax += each.tax;
      const auto difference = each.tax.minor() * share_den - each.unit_price.minor() * share_num;
      ASSERT_LT(std::abs(difference), share_den);
      if (treatment.inclusive) {
        ASSERT_EQ(each.net + each.tax, each.unit_price);
      }
    }
    ASSERT_EQ(net, totals.net);
    ASSERT_EQ(tax, totals.tax);
    std::shuffle(lines.begin(), lines.end(), random);
    ASSERT_EQ(assess(lines, usd).total, totals.total);
  }
}

TEST(Discount, is_a_line_of_its_own_that_shares_service_period_and_tax) {
  const auto treatment = taxed("19");
  DraftLine main = line(Money(1000, usd), treatment);
  main.service = ServiceId(5);
  main.period = Period{CivilDate(2027, 1, 31), CivilDate(2027, 2, 28)};
  const DraftLine off = discount_line(main, Money(250, usd), "SPRING");
  EXPECT_EQ(off.unit_price, Money(-250, usd));
  EXPECT_EQ(off.service, main.service);
  EXPECT_EQ(off.period, main.period);
  EXPECT_EQ(off.treatment, main.treatment);
  EXPECT_THROW(discount_line(main, Money(1001, usd), "X"), InvariantBroken);
}

TEST(Proration, counts_days_and_rounds_the_period_up_once) {
  const Period february{CivilDate(2027, 2, 1), CivilDate(2027, 3, 1)};
  const Money none = Money::zero(usd);
  EXPECT_EQ(prorate(Money(2800, usd), none, february, CivilDate(2027, 2, 15), 0).unused, Money(1400, usd));
  EXPECT_EQ(prorate(Money(2800, usd), none, february, CivilDate(2027, 1, 1), 0).unused, Money(2800, usd))
      << "not more than a period";
  EXPECT_EQ(prorate(Money(2800, usd), none, february, CivilDate(2027, 4, 1), 0).unused, none);
  const auto up = prorate(Money(1000, usd), Money(3000, usd), february, CivilDate(2027, 2, 19), 0);
  EXPECT_EQ(up.unused, Money(357, usd));    // 10/28: 357.14
  EXPECT_EQ(up.charged, Money(1072, usd));  // 1071.43 less the 0.14
  EXPECT_EQ(up.rounding, 20);               // 714.29 are charged as 715
  const auto back = prorate(Money(3000, usd), Money(1000, usd), february, CivilDate(2027, 2, 19), up.rounding);
  EXPECT_EQ(back.unused, up.charged);
  EXPECT_EQ(back.charged, up.unused) << "there and back is nothing";
  EXPECT_EQ(back.rounding, 0);
  const auto dearer_by_a_unit = prorate(Money(1, usd), Money(2, usd), february, CivilDate(2027, 2, 28), 0);
  EXPECT_EQ(dearer_by_a_unit.charged - dearer_by_a_unit.unused, Money(1, usd));
  const auto a_day_later = prorate(Money(2, usd), Money(1, usd), february, CivilDate(2027, 3, 1), 27);
  EXPECT_EQ(a_day_later.charged - a_day_later.unused, none) << "less than a unit is not given back";
}

TEST(Proration, of_the_largest_price_and_the_longest_period_does_not_overflow) {
  const Period three_years{CivilDate(2027, 1, 1), CivilDate(2030, 1, 1)};
  const Money largest(Money::max_minor, usd);
  const auto whole = prorate(largest, largest, three_years, CivilDate(2027, 1, 1), 1095);
  EXPECT_EQ(whole.charged, largest);
}

TEST(Explain, says_how_net_and_tax_came_to_be) {
  const auto treatment = taxed("19");
  std::vector<DraftLine> lines{line(Money(1000, usd), treatment, 2)};
  assess(lines, usd);
  EXPECT_EQ(explain(lines[0]),
            "2 x 10.00 USD = 20.00 USD; DE VAT 19 % of 20.00 USD = 3.80 USD (its share of the rate's tax on this "
            "invoice)");
}

}  // namespace
}  // namespace bursar::invoicing
