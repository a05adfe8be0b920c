// The arithmetic of an invoice. Pure: no database, no clock, no configuration but what is handed in.
//
// Prices are as listed: with tax where the tax treatment is inclusive. Tax is computed once for each group of lines
// that share category, rate and place, half up, and spread over the group's lines so that they sum to it exactly. From
// an inclusive price the tax is extracted the same way, so that net and tax sum to the listed price to the minor unit.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "catalog/tax.hpp"
#include "invoicing/kinds.hpp"

namespace bursar::invoicing {

struct Period {
  CivilDate start;  // first day
  CivilDate end;    // first day after
  auto operator<=>(const Period&) const = default;
};

// A line on its way to an invoice. The caller says what is sold; assess() fills in net and tax.
struct DraftLine {
  LineKind kind;
  ServiceId service = {};
  std::optional<Period> period = std::nullopt;
  std::string description;
  std::int64_t quantity = 1;
  std::string unit_code = "C62";
  Money unit_price;                        // negative for a discount
  const catalog::TaxTreatment* treatment;  // outlives the line; never null
  std::string derivation = {};             // what unit_price was computed from (derivation.hpp)
  Money net = Money::zero(unit_price.currency());
  Money tax = Money::zero(unit_price.currency());
};

struct Totals {
  Money net;
  Money tax;
  Money total;
  std::map<std::string, Money> tax_by_place;  // "DE" -> what is owed there; no zero amounts
};

// Fills net and tax of every line. All lines in `currency`. The total of a group is the same in any order of lines.
Totals assess(std::span<DraftLine> lines, Currency currency);

// Splits amount = sum(bases) * share, rounded, over the bases, which may be of either sign: each part is its own share
// rounded down, and the units left over go to the largest remainders, ties to the earlier. No part is a unit away from
// its own share.
std::vector<Money> spread(Money amount, std::span<const Money> bases, Ratio share);

// The line that takes `off` (positive, at most the price of `line`) off a line: its own, with negative net, of the same
// service, period and tax, so that it goes when the line goes.
DraftLine discount_line(const DraftLine& line, Money off, std::string_view promotion_code);

// The share of a period from `from` on, as days of days: what a change in mid-period is charged or credited.
Ratio remaining_share(const Period& period, CivilDate from);

// What is taken off and charged when the price of a period changes on a day within it. What is paid for the period in
// all is its worth, day by day at the price of each, rounded up once: the rounding of a change is handed to the next
// one in the period, so that however many there are, none gains by it, and there and back on one day is nothing.
struct Proration {
  Money unused;   // of the old price, and of what rounding took too much before; rounded down
  Money charged;  // of the new price, less what that left over; rounded up
  // In 1/days of a minor unit, less than one:
  std::int64_t left_over = 0;  // by rounding down
  std::int64_t rounding = 0;   // what rounding took too much until now
};
// `rounding`: of the last change in the period. Prices are not negative.
Proration prorate(Money old_price, Money new_price, const Period& period, CivilDate from, std::int64_t rounding);

// The rate of the tax that the listed price contains and this buyer does not pay; zero: none.
Ratio tax_contained(const catalog::TaxTreatment& treatment);

// What a line is, and how its amounts came to be, in words: "VPS S, 2027-01-31 to 2027-02-27".
std::string describe_period(std::string_view product, std::string_view label, const Period& period);
// "2 x 10.00 USD = 20.00 USD; VAT 19 % of 20.00 USD = 3.80 USD".
std::string explain(const DraftLine& line);

}  // namespace bursar::invoicing
