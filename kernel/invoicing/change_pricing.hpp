// What a change of a service is worth: what a quote and a request have in common. Internal to invoicing.
#pragma once

#include <vector>

#include "accounts/accounts.hpp"
#include "catalog/products.hpp"
#include "invoicing/change.hpp"
#include "invoicing/engine.hpp"
#include "services/services.hpp"

namespace bursar::invoicing {

// The price of a period and what promotions take off it.
struct PeriodPrice {
  Money price;
  Money discount;
  [[nodiscard]] Money net() const { return price - discount; }
};

struct PricedChange {
  accounts::Account account;
  services::Service service;
  catalog::Product from;
  catalog::Product to;
  BillingCycle cycle = BillingCycle::one_time();
  ChangeTiming timing = ChangeTiming::immediate;
  PeriodPrice old_price;
  PeriodPrice new_price;
  Money later_price;                   // a period, once promotions with an end are over
  Period period;                       // under way
  Period new_period;                   // at the new price: the same, or one that begins today
  std::int64_t rounding;               // of the last change in the period
  Proration share;                     // of a change at once
  InvoiceId base_invoice;              // billed the period
  std::vector<std::int64_t> invoices;  // that billed the period and the changes in it, oldest first
  catalog::TaxTreatment treatment;

  [[nodiscard]] CivilDate effective_on(CivilDate today) const {
    return timing == ChangeTiming::immediate ? today : period.end;
  }
};

Result<PricedChange> price_change(storage::Connection& c, const Rules& rules, const ChangeRequest& request,
                                  CivilDate today);

// The days left at the old price, taken off, and at the new one; none for a change at the end of the period, nor for
// one that costs and gives nothing. They point into `change`.
std::vector<DraftLine> proration_lines(const PricedChange& change, CivilDate today);

}  // namespace bursar::invoicing
