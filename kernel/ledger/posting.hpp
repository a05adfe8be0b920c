// Postings: the two or more sides of one movement of money. Read base/money.hpp first, then this, then journal.hpp.
//
// A debit is positive, a credit negative. A set of postings that does not sum to zero in each of its currencies can't
// be built, so none can reach the journal:
//
//   auto sides = Postings::Builder(account)
//                    .debit(LedgerAccount::clearing("cards"), received)
//                    .credit_receivable(invoice, applied)
//                    .credit(LedgerAccount::customer_credit(), surplus)   // nothing when the surplus is zero
//                    .build();
#pragma once

#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "ledger/chart.hpp"

namespace bursar::ledger {

struct Posting {
  LedgerAccount ledger_account;
  AccountId customer;  // the customer, where the ledger account belongs to one; else none
  InvoiceId invoice;   // on each receivable posting; else none
  Money amount;        // never zero; a debit is positive
  bool operator==(const Posting&) const = default;
};

class Postings {
 public:
  class Builder;
  [[nodiscard]] const std::vector<Posting>& all() const { return all_; }
  [[nodiscard]] auto begin() const { return all_.begin(); }
  [[nodiscard]] auto end() const { return all_.end(); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  // The same movement backwards, for an entry that takes another back.
  [[nodiscard]] Postings reversed() const;
  bool operator==(const Postings&) const = default;

 private:
  explicit Postings(std::vector<Posting> all) : all_(std::move(all)) {}
  std::vector<Posting> all_;
};

// Amounts are handed in as they are spoken of ("debit 10.00"): zero adds no posting, and a negative one is the opposite
// side, so that a discount line can be credited to revenue like any other line.
class Postings::Builder {
 public:
  // `customer`: whose receivable and credit the entry moves; none for entries that touch neither.
  explicit Builder(AccountId customer) : customer_(customer) { sides_.reserve(4); }

  Builder& debit(LedgerAccount account, Money amount) { return add(std::move(account), InvoiceId(), amount); }
  Builder& credit(LedgerAccount account, Money amount) { return add(std::move(account), InvoiceId(), -amount); }
  Builder& debit_receivable(InvoiceId invoice, Money amount) {
    return add(LedgerAccount::receivable(), invoice, amount);
  }
  Builder& credit_receivable(InvoiceId invoice, Money amount) {
    return add(LedgerAccount::receivable(), invoice, -amount);
  }
  [[nodiscard]] bool empty() const { return sides_.empty(); }
  // Throws InvariantBroken when the sides do not balance, or there are none.
  [[nodiscard]] Postings build();

 private:
  Builder& add(LedgerAccount account, InvoiceId invoice, Money amount);
  AccountId customer_;
  std::vector<Posting> sides_;
};

}  // namespace bursar::ledger
