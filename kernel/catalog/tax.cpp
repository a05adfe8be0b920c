#include "catalog/tax.hpp"

#include <algorithm>
#include <array>

namespace bursar::catalog {
namespace {

constexpr Ratio no_tax{0, 100'000'000};

// How well a rule fits; 0: not at all. The place outweighs the tax class.
int fitness(const settings::TaxRule& rule, const TaxBuyer& buyer, std::string_view tax_class) {
  int score = 0;
  if (rule.country == buyer.country) {
    if (rule.region.empty()) {
      score = 6;
    } else if (rule.region == buyer.region) {
      score = 8;
    }
  } else if (rule.country == "EU" && is_eu_member(buyer.country)) {
    score = 4;
  } else if (rule.country == "*") {
    score = 2;
  }
  if (score == 0) return 0;
  if (rule.tax_class == tax_class) return score + 1;
  return rule.tax_class == "*" ? score : 0;
}

}  // namespace

bool TaxTreatment::operator==(const TaxTreatment& other) const {
  return rule == other.rule && place == other.place && rate.num == other.rate.num && rate.den == other.rate.den &&
         inclusive == other.inclusive && price_contains.num == other.price_contains.num &&
         price_contains.den == other.price_contains.den && category == other.category &&
         exemption_reason == other.exemption_reason;
}

bool is_eu_member(std::string_view country) {
  constexpr std::array<std::string_view, 27> members{"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES",
                                                     "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
                                                     "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"};
  return std::binary_search(members.begin(), members.end(), country);
}

const settings::TaxRule* TaxRules::find(const TaxBuyer& buyer, std::string_view tax_class) const {
  const settings::TaxRule* best = nullptr;
  int best_fitness = 0;
  for (const auto& rule : rules_) {
    const int fits = fitness(rule, buyer, tax_class);
    if (fits > best_fitness) {
      best = &rule;
      best_fitness = fits;
    }
  }
  return best;
}

TaxTreatment TaxRules::treatment(const TaxBuyer& buyer, std::string_view tax_class) const {
  const settings::TaxRule* rule = find(buyer, tax_class);
  if (rule == nullptr) return {.exemption_reason = "Not subject to tax"};
  TaxTreatment treatment{.rate = rule->rate,
                         .inclusive = rule->inclusive,
                         .price_contains = rule->rate,
                         .category = rule->category,
                         .exemption_reason = rule->exemption_reason};
  treatment.place = rule->region.empty() ? buyer.country : buyer.country + "-" + rule->region;
  treatment.rule = treatment.place + " " + rule->name;
  if (buyer.exempt) {
    treatment.rate = no_tax;
    treatment.category = "E";
    treatment.exemption_reason = "Exempt buyer";
  } else if (rule->reverse_charge && !buyer.tax_id.empty() && buyer.country != seller_country_) {
    treatment.rate = no_tax;
    treatment.category = "AE";
    treatment.exemption_reason = "Reverse charge";
  }
  return treatment;
}

}  // namespace bursar::catalog
