// How the amounts of an issued invoice came to be, from what is stored with its lines alone: the steps from the price's
// inputs to net and tax, for people and for recomputing to the minor unit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "invoicing/invoices.hpp"
#include "ledger/journal.hpp"

namespace bursar::invoicing {

struct ExplanationStep {
  std::string name;     // price, listed, taxable, tax, net, total
  std::string formula;  // "2 x 10.00 USD"
  Money result;
};
struct LineExplanation {
  Line line;
  std::string derivation;     // of the unit price (derivation.hpp); empty: the line is older than they are
  Ratio tax_contained;        // of an inclusive price, not paid by this buyer; zero: none
  Money listed;               // quantity x unit price
  Money taxable;              // less the tax that an inclusive price contains and this buyer does not pay
  bool in_total = true;       // not taken off before the invoice was legal
  std::size_t tax_group = 0;  // index
  std::vector<ExplanationStep> steps;
  std::string sentence;
};
// Lines that are taxed together: the tax is rounded once for all of them and spread over them by largest remainders.
struct TaxGroup {
  std::string rule;
  std::string place;
  std::string category;
  Ratio rate;
  bool inclusive = false;
  Money taxable;
  Money tax;
  std::string formula;
};
struct InvoiceExplanation {
  std::vector<TaxGroup> tax_groups;
  std::vector<LineExplanation> lines;  // by position
};
InvoiceExplanation explain_invoice(storage::Connection& c, const Invoice& invoice);

// What the day of its next automatic charge was computed from (derivation.hpp); empty: there is none, or it is older.
std::string autopay_derivation(storage::Connection& c, const Invoice& invoice);

// How the balance came to be: each entry of the journal that changed what is owed of the invoice, oldest first.
struct Settling {
  ledger::StoredEntry entry;
  Money amount;  // positive: owed more
  Money balance_after;
  struct Part {
    PaymentId payment;  // none: account credit
    Money amount;       // positive: pays it
    std::string derivation;
  };
  std::vector<Part> allocations;
};
std::vector<Settling> settling_of(storage::Connection& c, const Invoice& invoice);

}  // namespace bursar::invoicing
