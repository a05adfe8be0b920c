#include "invoicing/explain_invoice.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "invoicing/derivation.hpp"

namespace bursar::invoicing {
namespace {

Money contained_tax(Money listed, Ratio contained) {
  return listed.multiply({contained.num, contained.den + contained.num}, Rounding::half_up);
}

bool taxed_together(const TaxGroup& group, const Line& line) {
  return group.rule == line.tax_rule && group.place == line.tax_place && group.category == line.tax_category &&
         group.rate.num == line.tax_rate.num && group.inclusive == line.tax_inclusive;
}

std::size_t group_of(std::vector<TaxGroup>& groups, const Line& line) {
  const auto found =
      std::find_if(groups.begin(), groups.end(), [&](const TaxGroup& group) { return taxed_together(group, line); });
  if (found != groups.end()) return static_cast<std::size_t>(found - groups.begin());
  const Money none = Money::zero(line.net.currency());
  groups.push_back({.rule = line.tax_rule,
                    .place = line.tax_place,
                    .category = line.tax_category,
                    .rate = line.tax_rate,
                    .inclusive = line.tax_inclusive,
                    .taxable = none,
                    .tax = none,
                    .formula = {}});
  return groups.size() - 1;
}

std::string group_formula(const TaxGroup& group) {
  if (group.rate.num == 0) return "no tax (" + group.category + ")";
  const std::string rate = percent_to_string(group.rate);
  return group.inclusive ? group.taxable.to_string() + " x " + rate + " / (100 + " + rate + "), halves up"
                         : group.taxable.to_string() + " x " + rate + " / 100, halves up";
}

// The lines by position, with what their prices were computed from.
std::vector<LineExplanation> read_lines(storage::Connection& c, const Invoice& invoice) {
  std::vector<LineExplanation> out;
  std::vector<Line> lines = lines_of(c, invoice);
  auto rows = c.query(
      "SELECT derivation, tax_contained, on_document FROM invoice_lines WHERE invoice_id = $1 ORDER BY position",
      invoice.id);
  for (Line& line : lines) {
    BURSAR_ASSERT(rows.next());
    const Ratio contained{rows.integer(1), line.tax_rate.den};
    const Money listed = line.unit_price.multiply({line.quantity, 1}, Rounding::half_even);
    const Money taxable = contained.num == 0 ? listed : listed - contained_tax(listed, contained);
    out.push_back({.line = std::move(line),
                   .derivation = rows.string(0),
                   .tax_contained = contained,
                   .listed = listed,
                   .taxable = taxable,
                   .in_total = rows.boolean(2),
                   .steps = {},
                   .sentence = {}});
  }
  return out;
}

void add_steps(LineExplanation& explained, const std::vector<TaxGroup>& groups) {
  const Line& line = explained.line;
  auto& steps = explained.steps;
  steps.push_back({"price", derivation_in_words(explained.derivation, line.unit_price), line.unit_price});
  steps.push_back({"listed", std::to_string(line.quantity) + " x " + line.unit_price.to_string(), explained.listed});
  if (explained.tax_contained.num != 0) {
    steps.push_back({"taxable",
                     explained.listed.to_string() + " less the " + percent_to_string(explained.tax_contained) +
                         " % tax contained in it, which this buyer does not pay",
                     explained.taxable});
  }
  const std::string taxable = explained.taxable.to_string();
  if (line.tax_rate.num == 0) {
    const std::string reason = line.exemption_reason.empty() ? "" : ": " + line.exemption_reason;
    steps.push_back({"tax", "no tax (" + line.tax_category + ")" + reason, line.tax});
  } else {
    const TaxGroup& group = groups[explained.tax_group];
    steps.push_back({"tax",
                     "the share of " + taxable + " in the " + group.tax.to_string() + " of " + line.tax_rule + " " +
                         percent_to_string(line.tax_rate) + " % on " + group.taxable.to_string() +
                         ", rounded down, left-over units to the largest remainders",
                     line.tax});
  }
  steps.push_back({"net", line.tax_inclusive ? taxable + " less " + line.tax.to_string() : taxable, line.net});
  steps.push_back({"total", line.net.to_string() + " + " + line.tax.to_string(), line.net + line.tax});
  for (const ExplanationStep& step : steps) {
    if (!explained.sentence.empty()) explained.sentence += "; ";
    explained.sentence += step.name + ": " + step.formula + " = " + step.result.to_string();
  }
}

// Those that changed what is owed, and those that only changed whose money pays it. The clock may stand still between
// issue and payment.
std::vector<ledger::StoredEntry> entries_of(storage::Connection& c, InvoiceId invoice) {
  std::vector<std::int64_t> ids;
  {
    auto rows = c.query(
        "SELECT entry_id FROM postings WHERE invoice_id = $1 UNION SELECT entry_id FROM allocations"
        " WHERE invoice_id = $1",
        invoice);
    while (rows.next()) ids.push_back(rows.integer(0));
  }
  auto entries = ledger::find_entries(c, ids);
  std::stable_partition(entries.begin(), entries.end(),
                        [](const ledger::StoredEntry& entry) { return entry.kind == "invoice_issued"; });
  return entries;
}

}  // namespace

InvoiceExplanation explain_invoice(storage::Connection& c, const Invoice& invoice) {
  InvoiceExplanation out{.tax_groups = {}, .lines = read_lines(c, invoice)};
  // All lines were taxed together when the invoice was written, those too that were taken off since.
  for (LineExplanation& explained : out.lines) {
    explained.tax_group = group_of(out.tax_groups, explained.line);
    TaxGroup& group = out.tax_groups[explained.tax_group];
    group.taxable += explained.taxable;
    group.tax += explained.line.tax;
  }
  for (TaxGroup& group : out.tax_groups) group.formula = group_formula(group);
  for (LineExplanation& explained : out.lines) add_steps(explained, out.tax_groups);
  return out;
}

std::string autopay_derivation(storage::Connection& c, const Invoice& invoice) {
  if (!invoice.autopay_on) return {};
  auto rows = c.query("SELECT autopay_derivation FROM invoices WHERE id = $1", invoice.id);
  BURSAR_ASSERT(rows.next());
  return rows.string(0);
}

std::vector<Settling> settling_of(storage::Connection& c, const Invoice& invoice) {
  const Currency currency = invoice.total.currency();
  std::vector<Settling> out;
  Money balance = Money::zero(currency);
  for (ledger::StoredEntry& entry : entries_of(c, invoice.id)) {
    Money amount = Money::zero(currency);
    for (const ledger::Posting& posting : entry.postings) {
      if (posting.invoice == invoice.id) amount += posting.amount;
    }
    balance += amount;
    out.push_back({.entry = std::move(entry), .amount = amount, .balance_after = balance, .allocations = {}});
  }
  auto rows = c.query(
      "SELECT entry_id, payment_id, amount, derivation FROM allocations WHERE invoice_id = $1 ORDER BY id", invoice.id);
  while (rows.next()) {
    const auto of =
        std::find_if(out.begin(), out.end(), [&](const Settling& one) { return one.entry.id == rows.id<EntryId>(0); });
    BURSAR_ASSERT(of != out.end());
    of->allocations.push_back({rows.id<PaymentId>(1), Money(rows.integer(2), currency), rows.string(3)});
  }
  return out;
}

}  // namespace bursar::invoicing
