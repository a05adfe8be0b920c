// From a request to priced lines: what a quote and an order have in common. Internal to invoicing.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "accounts/accounts.hpp"
#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "invoicing/engine.hpp"
#include "invoicing/orders.hpp"

namespace bursar::invoicing {

// One service that the order makes.
struct PricedUnit {
  const catalog::Product* product;
  const catalog::Price* price;
  std::string label;
  BillingCycle cycle;
  const catalog::TaxTreatment* treatment;
  bool promoted;
};

struct PricedOrder {
  accounts::Account account;
  std::optional<catalog::Promotion> promotion;
  std::vector<PricedUnit> units;
  // What `units` point into.
  std::deque<catalog::Product> products;
  std::deque<catalog::TaxTreatment> treatments;
};

Result<PricedOrder> price_order(storage::Connection& c, const Rules& rules, const OrderRequest& request,
                                CivilDate today);

// The lines of a unit's first period: price, discount, set-up fee.
std::vector<DraftLine> first_lines(const PricedOrder& order, const PricedUnit& unit, ServiceId service,
                                   CivilDate starts_on);

}  // namespace bursar::invoicing
