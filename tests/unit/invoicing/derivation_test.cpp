// Goal: what an amount was computed from is told in words that name each input, whatever is stored.
#include "invoicing/derivation.hpp"

#include <gtest/gtest.h>

namespace bursar::invoicing {
namespace {

Money money(std::string_view code, std::int64_t minor) { return {minor, Currency::parse(code).value()}; }

TEST(Derivation, of_a_proration_names_days_price_and_what_promotions_take_off) {
  const auto given_back = derive_proration(money("USD", 1000), money("USD", 0), {20, 30}, -1, 0);
  EXPECT_EQ(derivation_in_words(given_back, money("USD", -666)),
            "20 of 30 days of 10.00 USD = 6.66 USD, rounded down, given back");
  const auto charged = derive_proration(money("KWD", 30'000), money("KWD", 5), {1, 31}, 1, 7);
  EXPECT_EQ(charged, R"({"from":"proration","sign":"+","price":"30.000","discount":"0.005","days":"1","of_days":"31",)"
                     R"("carried":"7"})");
  EXPECT_EQ(
      derivation_in_words(charged, money("KWD", 968)),
      "1 of 31 days of 30.000 KWD less the promotion's 0.005 KWD less 7/31 of a minor unit that rounding took before"
      " = 0.968 KWD, rounded up");
}

TEST(Derivation, of_a_promotion_names_percentage_or_amount_and_the_price_it_is_for) {
  EXPECT_EQ(derivation_in_words(
                derive_discount({.code = "HALF", .percent = Ratio{50'000'000, 100'000'000}}, money("JPY", 3001)),
                money("JPY", -1501)),
            "promotion HALF: 50 % of 3001 JPY off, halves up, at most the 3001 JPY it is for");
  EXPECT_EQ(derivation_in_words(derive_discount({.code = "TWO", .amount = money("USD", 200)}, money("USD", 150)),
                                money("USD", -150)),
            "promotion TWO: 2.00 USD off, at most the 1.50 USD it is for");
}

TEST(Derivation, of_a_late_fee_names_percentage_and_minimum) {
  const settings::LateFee rule{.after_days = 5, .percent = Ratio{5, 100}, .minimum = {{"USD", money("USD", 100)}}};
  EXPECT_EQ(derivation_in_words(derive_late_fee(rule, "INV-1", money("USD", 800)), money("USD", 100)),
            "5 % of the 8.00 USD overdue, halves up, at least 1.00 USD");
  EXPECT_EQ(derivation_in_words(derive_late_fee(rule, "INV-1", money("EUR", 800)), money("EUR", 40)),
            "5 % of the 8.00 EUR overdue, halves up, at least 0.00 EUR");
}

TEST(Derivation, of_an_allocation_names_what_it_is_the_least_of) {
  const auto credit = derive_least("credit", {{"available", money("USD", 1200)}, {"owed", money("USD", 1000)}});
  EXPECT_EQ(credit, R"({"from":"credit","available":"12.00","owed":"10.00"})");
  EXPECT_EQ(derivation_in_words(credit, money("USD", 1000)), "the least of available 12.00 USD and owed 10.00 USD");
}

TEST(Derivation, of_what_a_refund_takes_off_an_open_invoice_names_what_others_gave) {
  const auto part = derive_refund(money("USD", 900), money("USD", 100), money("USD", 250), money("USD", 1000));
  EXPECT_EQ(part,
            R"({"from":"refund","refund":"9.00","was_credit":"1.00","of_later_invoices":"2.50","had_paid":"10.00"})");
  EXPECT_EQ(derivation_in_words(part, money("USD", -550)),
            "the least of had paid 10.00 USD and the refund of 9.00 USD less 1.00 USD that was credit and 2.50 USD of"
            " invoices paid later");
  EXPECT_EQ(derivation_in_words(R"({"from":"refund","to_refund":"5.50"})", money("USD", -550)),
            "the least of to refund 5.50 USD")
      << "as it was stored before";
}

TEST(Derivation, of_a_credit_notes_line_names_its_share_and_its_tax) {
  EXPECT_EQ(
      derivation_in_words(derive_share(money("USD", 500), money("USD", 2000), money("USD", 1190), money("USD", 190)),
                          money("USD", 297)),
      "the share of 11.90 USD in 5.00 USD of the 20.00 USD left, rounded down, left-over units to the largest"
      " remainders; of it 1.90 / 11.90 is tax, halves up");
  EXPECT_EQ(derivation_in_words(derive_whole(money("USD", 1190), money("USD", 190)), money("USD", 1190)),
            "all 11.90 USD left of the line, of it 1.90 USD tax");
}

TEST(Derivation, of_before_inputs_were_kept_tells_what_there_is) {
  EXPECT_EQ(derivation_in_words(R"({"from":"words","words":"3 of 30 days"})", money("USD", 1)), "3 of 30 days");
  EXPECT_EQ(derivation_in_words("", money("USD", 1)), "as it was booked");
  EXPECT_EQ(derivation_in_words("[1]", money("USD", 1)), "as it was booked");
}

TEST(Derivation, keeps_codes_with_quotes_apart_from_the_json) {
  const auto derivation = derive_setup_fee("a\"b", money("USD", 1));
  EXPECT_EQ(derivation, R"({"from":"setup_fee","product":"a\"b","price":"0.01"})");
  EXPECT_EQ(derivation_in_words(derivation, money("USD", 1)), "set-up fee of a\"b");
}

}  // namespace
}  // namespace bursar::invoicing
