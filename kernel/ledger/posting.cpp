#include "ledger/posting.hpp"

#include <map>

namespace bursar::ledger {

Postings Postings::reversed() const {
  std::vector<Posting> turned = all_;
  for (auto& posting : turned) posting.amount = -posting.amount;
  return Postings(std::move(turned));
}

Postings::Builder& Postings::Builder::add(LedgerAccount account, InvoiceId invoice, Money amount) {
  if (amount.is_zero()) return *this;
  const bool customers = account.belongs_to_customer();
  BURSAR_ASSERT(!customers || customer_);
  BURSAR_ASSERT(account.belongs_to_invoice() == static_cast<bool>(invoice));
  sides_.push_back({std::move(account), customers ? customer_ : AccountId(), invoice, amount});
  return *this;
}

Postings Postings::Builder::build() {
  BURSAR_ASSERT(!sides_.empty());
  // Nearly every entry has one currency: sum those of the first, and the others only when there are any.
  std::map<Currency, Money> others;
  Money sum = Money::zero(sides_.front().amount.currency());
  for (const auto& side : sides_) {
    if (side.amount.currency() == sum.currency()) {
      sum += side.amount;
    } else {
      others.try_emplace(side.amount.currency(), Money::zero(side.amount.currency())).first->second += side.amount;
    }
  }
  BURSAR_ASSERT(sum.is_zero());
  for (const auto& [currency, other] : others) BURSAR_ASSERT(other.is_zero());
  return Postings(std::move(sides_));
}

}  // namespace bursar::ledger
