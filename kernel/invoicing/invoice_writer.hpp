// The one place that writes new invoices, one or a thousand: rows, lines, numbers, collection dates, account credit and
// journal entries, with a fixed number of statements whatever the count.
#pragma once

#include <cstdint>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "invoicing/engine.hpp"
#include "invoicing/rules.hpp"
#include "ledger/journal.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

struct DraftInvoice {
  AccountId account;
  std::int64_t buyer_party = 0;
  bool autopay = false;  // the account wants automatic charges
  InvoiceKind kind;
  bool lapses = false;  // given up when it stays unpaid, so it is never dunned
  Currency currency;
  CivilDate due_on;
  int notice_days = 0;  // see CollectionPlan::first
  InvoiceId late_fee_of = {};
  std::vector<DraftLine> lines;  // their tax treatments outlive flush()
};

class InvoiceWriter {
 public:
  // `issued_on`: the civil date the documents bear (the day a run stands for); `now`: when it really happens.
  InvoiceWriter(const Rules& rules, CivilDate issued_on, Instant now)
      : rules_(rules), issued_on_(issued_on), now_(now) {}

  // Computes the invoice. Its total is not negative.
  void add(DraftInvoice draft);
  [[nodiscard]] std::size_t size() const { return drafts_.size(); }

  struct Written {
    InvoiceId first;  // the others follow, in the order of add()
    std::int64_t count = 0;
    std::vector<InvoiceId> paid;  // by account credit, or because there is nothing to pay
  };
  Written flush(storage::Transaction& tx);

 private:
  struct Item {
    DraftInvoice draft;
    Totals totals;
    Money available;  // credit of the account
    Money credit;     // of it, used for it
    [[nodiscard]] Money balance() const { return totals.total - credit; }
  };
  void use_credit(storage::Transaction& tx);
  [[nodiscard]] bool legal(const Item& item) const;
  void write_invoices(storage::Transaction& tx, InvoiceId first) const;
  void write_lines(storage::Transaction& tx, InvoiceId first) const;
  void book(storage::Transaction& tx, InvoiceId first) const;

  const Rules& rules_;
  CivilDate issued_on_;
  Instant now_;
  std::vector<Item> drafts_;
};

}  // namespace bursar::invoicing
