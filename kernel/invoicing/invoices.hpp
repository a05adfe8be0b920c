// Invoices as they are stored, and reading them. What changes them: settlement.hpp (money arrives), corrections.hpp
// (void, credit notes, write-off), store.hpp (issue), and the daily run's steps.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "invoicing/collection_plan.hpp"
#include "invoicing/kinds.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

struct Invoice {
  InvoiceId id;
  AccountId account;
  InvoiceKind kind = InvoiceKind::manual;
  InvoiceStatus status = InvoiceStatus::draft;
  std::string number;  // empty until it is legal
  CivilDate issued_on;
  CivilDate due_on;
  Money net;  // of the lines, before tax
  Money tax;
  Money total;                    // net + tax
  Money balance;                  // still owed; never negative
  std::int64_t seller_party = 0;  // accounts::find_party
  std::int64_t buyer_party = 0;
  InvoiceId late_fee_of;  // the overdue invoice a late fee belongs to
  Instant created_at;
  std::optional<Instant> paid_at;
  std::optional<CivilDate> autopay_on;  // next automatic charge
  int autopay_attempts = 0;
  std::optional<PlannedStep> dunning;  // next step of the collection plan
  std::int64_t version = 1;

  [[nodiscard]] bool legal() const { return !number.empty(); }
  [[nodiscard]] bool overdue(CivilDate today) const { return status == InvoiceStatus::open && due_on < today; }
};

struct Line {
  LineId id;
  int position = 0;
  LineKind kind = LineKind::manual;
  ServiceId service;
  std::optional<CivilDate> period_start;  // first day
  std::optional<CivilDate> period_end;    // first day after
  std::string description;
  std::int64_t quantity = 1;
  std::string unit_code;
  Money unit_price;  // as listed: with tax where tax_inclusive
  Money net;
  Money tax;              // its share of the tax of its (category, rate) group
  std::string tax_rule;   // "DE VAT"
  std::string tax_place;  // "DE": the ledger's tax_payable account
  Ratio tax_rate;         // of {units, 100'000'000}
  bool tax_inclusive = false;
  std::string tax_category;  // EN 16931
  std::string exemption_reason;
  bool removed = false;  // taken off before the invoice was legal, or credited in whole
};

std::optional<Invoice> find_invoice(storage::Connection& c, InvoiceId id);
std::vector<Line> lines_of(storage::Connection& c, const Invoice& invoice);  // by position, removed ones too

// The invoices that are owed, by due date, then id.
std::vector<Invoice> open_invoices(storage::Connection& c, AccountId account);

struct InvoiceFilter {
  AccountId account;  // none: every account's (staff)
  std::optional<InvoiceStatus> status = std::nullopt;
  std::optional<CivilDate> due_before = std::nullopt;
  InvoiceId before;  // older than this one; none: from the newest
  int limit = 50;
};
std::vector<Invoice> list_invoices(storage::Connection& c, const InvoiceFilter& filter);  // newest first

struct CreditNote {
  CreditNoteId id;
  AccountId account;
  InvoiceId invoice;
  std::string number;
  CivilDate issued_on;
  Money net, tax, total;
  std::string reason;
  struct Line {
    LineId line;
    Money net, tax;
    std::string description;
    std::string derivation;  // of what it takes back (derivation.hpp); empty: it is older than they are
  };
  std::vector<Line> lines;
};
std::vector<CreditNote> credit_notes_of(storage::Connection& c, InvoiceId invoice);

}  // namespace bursar::invoicing
