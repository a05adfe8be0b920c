// What an amount was computed from, as JSON that is stored with it: the catalog, a promotion or the configuration may
// say something else by the time somebody asks. Every value is text; amounts are decimal, in the currency of the
// amount.
//
//   {"from": "listed", "product": "vps-s", "cycle": "1m", "price": "30.00"}
//   {"from": "promotion", "code": "HALF", "percent": "50", "of": "30.00"}
//   {"from": "proration", "sign": "-", "price": "30.00", "discount": "0.00", "days": "20", "of_days": "30",
//    "carried": "0"}
//   {"from": "credit", "available": "12.00", "owed": "10.00"}           the least of them, as with every allocation
//   {"from": "refund", "refund": "9.00", "was_credit": "1.00", "of_later_invoices": "0.00", "had_paid": "10.00"}
//   {"from": "share", "credited": "5.00", "of": "20.00", "left": "11.90", "tax_left": "1.90"}   of a credit note's line
//   {"from": "due_date", "due_on": "2027-02-10", "days_before_due": "3", "not_before": "2027-02-01"}   a day, not money
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/cycle.hpp"
#include "base/money.hpp"
#include "catalog/promotions.hpp"
#include "settings/config.hpp"

namespace bursar::invoicing {

using DerivationInputs = std::initializer_list<std::pair<std::string_view, std::string>>;
std::string derive(std::string_view from, DerivationInputs inputs);

// A period's price, as listed for the product or as agreed with the service.
std::string derive_listed(std::string_view product_code, BillingCycle cycle, Money price);
std::string derive_agreed(std::string_view product_code, BillingCycle cycle, Money price);
std::string derive_setup_fee(std::string_view product_code, Money price);
// What the promotion takes off `price`.
std::string derive_discount(const catalog::Promotion& promotion, Money price);
// `share` of a period's price less what promotions take off it, rounded down where it is given back (`sign` -1), else
// up. `carried`: what rounding took before, in 1/of_days of a minor unit; given back with it, or taken off.
std::string derive_proration(Money price, Money discount, Ratio share, int sign, std::int64_t carried);
std::string derive_late_fee(const settings::LateFee& rule, std::string_view invoice_number, Money overdue);
// Named by a person: staff, or the customer who adds credit.
std::string derive_named(std::string_view by, Money price);
// The least of the amounts, each of which has a name.
std::string derive_least(std::string_view from, std::initializer_list<std::pair<std::string_view, Money>> limits);

// What an open invoice owes again of a refund: the least of `had_paid`, what the payment had paid of it, and of what is
// left of `refund` when its credit and the invoices it paid later have given theirs.
std::string derive_refund(Money refund, Money was_credit, Money of_later_invoices, Money had_paid);
// What a credit note takes of a line: its share, with tax, in `credited` of the `of` that was left of the lines it is
// spread over; or all that was left of it.
std::string derive_share(Money credited, Money of, Money left, Money tax_left);
std::string derive_whole(Money left, Money tax_left);

// A day, and what it was computed from.
struct DerivedDay {
  CivilDate on;
  std::string derivation;
};

// For people: "20 of 30 days of 10.00 USD = 6.66 USD, ...". `amount`: what came of it.
std::string derivation_in_words(std::string_view derivation, Money amount);

}  // namespace bursar::invoicing
