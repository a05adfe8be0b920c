// Which tax a sale bears: the configured rules applied to a buyer. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.hpp"
#include "settings/config.hpp"

namespace bursar::catalog {

// What of a buyer decides on tax.
struct TaxBuyer {
  std::string country;  // ISO 3166-1 alpha-2
  std::string region;   // ISO 3166-2 subdivision without the country, or empty
  std::string tax_id;   // empty: not a business, or one without
  bool exempt = false;  // staff have seen a certificate
};

// How one sale is taxed; printed on its line.
struct TaxTreatment {
  std::string rule = {};          // "DE VAT": place and name
  std::string place = {};         // whom it is owed to: "DE", "US-CA"; the ledger's tax_payable account
  Ratio rate = {0, 100'000'000};  // charged; of {units, 100'000'000}
  bool inclusive = false;         // catalog prices contain tax, at `price_contains`
  Ratio price_contains = {
      0, 100'000'000};  // the rule's own rate: what is taken out of an inclusive price even where none is charged
  std::string category = "O";  // EN 16931
  std::string exemption_reason = {};
  bool operator==(const TaxTreatment& other) const;
};

bool is_eu_member(std::string_view country);

class TaxRules {
 public:
  // `seller_country`: a business there pays the tax of its own country and is never reverse-charged.
  TaxRules(std::vector<settings::TaxRule> rules, std::string seller_country)
      : rules_(std::move(rules)), seller_country_(std::move(seller_country)) {}

  // The most specific rule wins: country and region, country, "EU", "*"; within one of them the tax class before "*".
  // No rule: category O, not subject to tax.
  [[nodiscard]] TaxTreatment treatment(const TaxBuyer& buyer, std::string_view tax_class) const;

 private:
  [[nodiscard]] const settings::TaxRule* find(const TaxBuyer& buyer, std::string_view tax_class) const;
  std::vector<settings::TaxRule> rules_;
  std::string seller_country_;
};

}  // namespace bursar::catalog
