#include "invoicing/engine.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"

namespace bursar::invoicing {
namespace {

__extension__ using Wide = __int128;

// Lines that are taxed together.
bool same_group(const catalog::TaxTreatment& a, const catalog::TaxTreatment& b) {
  return &a == &b || (a.category == b.category && a.rate.num * b.rate.den == b.rate.num * a.rate.den &&
                      a.inclusive == b.inclusive && a.place == b.place && a.rule == b.rule);
}

Money listed(const DraftLine& line) { return line.unit_price.multiply({line.quantity, 1}, Rounding::half_even); }

// The tax of an amount is amount * share.
Ratio tax_share(const catalog::TaxTreatment& treatment) {
  const Ratio rate = treatment.rate;
  return treatment.inclusive ? Ratio{rate.num, rate.den + rate.num} : rate;
}

// What the tax is computed of: the listed price, less the tax that an inclusive price contains but this buyer does not
// pay.
Money taxable(const DraftLine& line) {
  const Money price = listed(line);
  const Ratio contained = tax_contained(*line.treatment);
  if (contained.num == 0) return price;
  return price - price.multiply({contained.num, contained.den + contained.num}, Rounding::half_up);
}

std::int64_t floor_quotient(Wide numerator, std::int64_t denominator, std::int64_t& remainder) {
  Wide quotient = numerator / denominator;
  Wide rest = numerator % denominator;
  if (rest < 0) {
    rest += denominator;
    --quotient;
  }
  remainder = static_cast<std::int64_t>(rest);
  return static_cast<std::int64_t>(quotient);
}

void assess_group(std::span<DraftLine*> group, Totals& totals) {
  const auto& treatment = *group.front()->treatment;
  const Ratio share = tax_share(treatment);
  std::vector<Money> bases;
  bases.reserve(group.size());
  Money sum = Money::zero(totals.net.currency());
  for (const DraftLine* line : group) {
    bases.push_back(taxable(*line));
    sum += bases.back();
  }
  const Money tax = sum.multiply(share, Rounding::half_up);
  const auto taxes = spread(tax, bases, share);
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i]->tax = taxes[i];
    group[i]->net = treatment.inclusive ? bases[i] - group[i]->tax : bases[i];
    totals.net += group[i]->net;
  }
  totals.tax += tax;
  if (!tax.is_zero())
    totals.tax_by_place.try_emplace(treatment.place, Money::zero(tax.currency())).first->second += tax;
}

}  // namespace

Ratio tax_contained(const catalog::TaxTreatment& treatment) {
  const bool unpaid = treatment.inclusive && treatment.rate.num == 0;
  return unpaid ? treatment.price_contains : Ratio{0, treatment.price_contains.den};
}

std::vector<Money> spread(Money amount, std::span<const Money> bases, Ratio share) {
  struct Part {
    std::size_t index;
    std::int64_t remainder;
  };
  std::vector<std::int64_t> units(bases.size());
  std::vector<Part> parts(bases.size());
  std::int64_t left = amount.minor();
  for (std::size_t i = 0; i < bases.size(); ++i) {
    parts[i].index = i;
    units[i] = floor_quotient(Wide{bases[i].minor()} * share.num, share.den, parts[i].remainder);
    left -= units[i];
  }
  BURSAR_ASSERT(left >= 0 && left <= static_cast<std::int64_t>(bases.size()));
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.remainder > b.remainder; });
  for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) ++units[parts[i].index];
  std::vector<Money> amounts;
  amounts.reserve(bases.size());
  for (const auto unit : units) amounts.emplace_back(unit, amount.currency());
  return amounts;
}

Totals assess(std::span<DraftLine> lines, Currency currency) {
  const Money zero = Money::zero(currency);
  Totals totals{.net = zero, .tax = zero, .total = zero, .tax_by_place = {}};
  std::vector<DraftLine*> open;
  open.reserve(lines.size());
  for (auto& line : lines) open.push_back(&line);
  auto begin = open.begin();
  while (begin != open.end()) {
    const auto& treatment = *(*begin)->treatment;
    const auto end = std::stable_partition(
        begin, open.end(), [&](const DraftLine* line) { return same_group(treatment, *line->treatment); });
    assess_group({begin, end}, totals);
    begin = end;
  }
  totals.total = totals.net + totals.tax;
  return totals;
}

DraftLine discount_line(const DraftLine& line, Money off, std::string_view promotion_code) {
  BURSAR_ASSERT(off.is_positive() && off <= listed(line));
  return {.kind = LineKind::discount,
          .service = line.service,
          .period = line.period,
          .description = "Discount " + std::string(promotion_code) + ": " + line.description,
          .quantity = 1,
          .unit_code = line.unit_code,
          .unit_price = -off,
          .treatment = line.treatment};
}

Ratio remaining_share(const Period& period, CivilDate from) {
  BURSAR_ASSERT(period.start < period.end);
  const CivilDate within = std::clamp(from, period.start, period.end);
  return {days_between(within, period.end), days_between(period.start, period.end)};
}

Proration prorate(Money old_price, Money new_price, const Period& period, CivilDate from, std::int64_t rounding) {
  BURSAR_ASSERT(!old_price.is_negative() && !new_price.is_negative() && rounding >= 0);
  const Ratio days = remaining_share(period, from);
  std::int64_t left_over = 0;
  const std::int64_t unused = floor_quotient(Wide{old_price.minor()} * days.num + rounding, days.den, left_over);
  std::int64_t rest = 0;
  const std::int64_t charged = -floor_quotient(Wide{left_over} - Wide{new_price.minor()} * days.num, days.den, rest);
  return {.unused = Money(unused, old_price.currency()),
          .charged = Money(charged, new_price.currency()),
          .left_over = left_over,
          .rounding = rest};
}

std::string describe_period(std::string_view product, std::string_view label, const Period& period) {
  std::string text(product);
  if (!label.empty()) text.append(" (").append(label).append(")");
  text.append(", ").append(period.start.to_string()).append(" to ").append(period.end.plus_days(-1).to_string());
  return text;
}

std::string explain(const DraftLine& line) {
  const auto& treatment = *line.treatment;
  std::string text =
      std::to_string(line.quantity) + " x " + line.unit_price.to_string() + " = " + listed(line).to_string() + "; ";
  if (treatment.rate.num == 0) {
    text += "no tax (" + treatment.category + ")";
    if (!treatment.exemption_reason.empty()) text += ": " + treatment.exemption_reason;
    if (treatment.inclusive && treatment.price_contains.num != 0) {
      text += "; the listed price less " + percent_to_string(treatment.price_contains) +
              " % contained in it = " + line.net.to_string();
    }
    return text;
  }
  text += treatment.rule + " " + percent_to_string(treatment.rate) + " % ";
  text += treatment.inclusive ? "contained in " + listed(line).to_string() : "of " + line.net.to_string();
  return text + " = " + line.tax.to_string() + " (its share of the rate's tax on this invoice)";
}

}  // namespace bursar::invoicing
