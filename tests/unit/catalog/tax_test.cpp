// Goal: the most specific rule wins, and who pays no tax is told why.
#include "catalog/tax.hpp"

#include <gtest/gtest.h>

namespace bursar::catalog {
namespace {

Ratio percent(std::string_view text) { return parse_percent(text).value(); }

settings::TaxRule rule(std::string country, std::string_view rate) {
  return {.country = std::move(country), .region = "", .name = "VAT", .rate = percent(rate), .exemption_reason = ""};
}

TaxRules rules() {
  std::vector<settings::TaxRule> all{rule("EU", "21"), rule("DE", "19"), rule("*", "0"), rule("US", "0")};
  all[0].reverse_charge = all[1].reverse_charge = true;
  all[2].category = "G";
  auto california = rule("US", "8.25");
  california.region = "CA";
  california.name = "sales tax";
  auto books = rule("DE", "7");
  books.tax_class = "reduced";
  all.push_back(california);
  all.push_back(books);
  return {all, "DE"};
}

TEST(TaxRules, the_most_specific_place_wins_and_then_the_tax_class) {
  const auto all = rules();
  EXPECT_EQ(percent_to_string(all.treatment({.country = "DE", .region = "", .tax_id = ""}, "standard").rate), "19");
  EXPECT_EQ(percent_to_string(all.treatment({.country = "DE", .region = "", .tax_id = ""}, "reduced").rate), "7");
  EXPECT_EQ(percent_to_string(all.treatment({.country = "FR", .region = "", .tax_id = ""}, "standard").rate), "21");
  EXPECT_EQ(percent_to_string(all.treatment({.country = "US", .region = "CA", .tax_id = ""}, "standard").rate), "8.25");
  EXPECT_EQ(percent_to_string(all.treatment({.country = "US", .region = "NY", .tax_id = ""}, "standard").rate), "0");
  EXPECT_EQ(all.treatment({.country = "JP", .region = "", .tax_id = ""}, "standard").category, "G");
}

TEST(TaxRules, the_tax_is_owed_to_the_buyers_place) {
  EXPECT_EQ(rules().treatment({.country = "FR", .region = "", .tax_id = ""}, "standard").place, "FR");
  const auto california = rules().treatment({.country = "US", .region = "CA", .tax_id = ""}, "standard");
  EXPECT_EQ(california.place, "US-CA");
  EXPECT_EQ(california.rule, "US-CA sales tax");
}

TEST(TaxRules, a_foreign_business_accounts_for_it_itself_and_one_at_home_does_not) {
  const auto french = rules().treatment({.country = "FR", .region = "", .tax_id = "FR12345678901"}, "standard");
  EXPECT_EQ(french.rate.num, 0);
  EXPECT_EQ(french.category, "AE");
  EXPECT_EQ(french.exemption_reason, "Reverse charge");
  const auto german = rules().treatment({.country = "DE", .region = "", .tax_id = "DE123456789"}, "standard");
  EXPECT_EQ(percent_to_string(german.rate), "19");
  EXPECT_EQ(german.category, "S");
}

TEST(TaxRules, an_exempt_buyer_pays_none_and_the_line_says_why) {
  const auto exempt = rules().treatment({.country = "DE", .region = "", .tax_id = "", .exempt = true}, "standard");
  EXPECT_EQ(exempt.rate.num, 0);
  EXPECT_EQ(exempt.category, "E");
  EXPECT_FALSE(exempt.exemption_reason.empty());
}

TEST(TaxRules, no_rule_means_not_subject_to_tax) {
  const auto none = TaxRules({}, "US").treatment({.country = "US", .region = "", .tax_id = ""}, "standard");
  EXPECT_EQ(none.rate.num, 0);
  EXPECT_EQ(none.category, "O");
}

}  // namespace
}  // namespace bursar::catalog
