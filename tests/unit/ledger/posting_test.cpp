// Goal: a set of postings that does not balance can't come into being.
#include "ledger/posting.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace bursar::ledger {
namespace {

const Currency usd = Currency::parse("USD").value();
const Currency jpy = Currency::parse("JPY").value();
const AccountId alice(7);
const InvoiceId invoice(8);

TEST(Postings, balanced_sides_are_built_as_debits_and_negative_credits) {
  const auto sides = Postings::Builder(alice)
                         .debit(LedgerAccount::clearing("cards"), Money(1000, usd))
                         .credit_receivable(invoice, Money(750, usd))
                         .credit(LedgerAccount::customer_credit(), Money(250, usd))
                         .build();
  ASSERT_EQ(sides.size(), 3u);
  EXPECT_EQ(sides.all()[0].amount, Money(1000, usd));
  EXPECT_FALSE(sides.all()[0].customer) << "clearing belongs to no customer";
  EXPECT_EQ(sides.all()[1].amount, Money(-750, usd));
  EXPECT_EQ(sides.all()[1].invoice, invoice);
  EXPECT_EQ(sides.all()[2].customer, alice);
}

TEST(Postings, unbalanced_or_empty_sets_are_refused) {
  EXPECT_THROW(std::ignore = Postings::Builder(alice).debit(LedgerAccount::suspense(), Money(1, usd)).build(),
               InvariantBroken);
  EXPECT_THROW(std::ignore = Postings::Builder(alice).build(), InvariantBroken);
}

TEST(Postings, each_currency_balances_by_itself) {
  EXPECT_THROW(std::ignore = Postings::Builder(alice)
                                 .debit(LedgerAccount::suspense(), Money(100, usd))
                                 .credit(LedgerAccount::revenue(), Money(100, jpy))
                                 .build(),
               InvariantBroken);
  EXPECT_EQ(Postings::Builder(alice)
                .debit(LedgerAccount::suspense(), Money(100, usd))
                .credit(LedgerAccount::revenue(), Money(100, usd))
                .debit(LedgerAccount::suspense(), Money(9, jpy))
                .credit(LedgerAccount::revenue(), Money(9, jpy))
                .build()
                .size(),
            4u);
}

TEST(Postings, zero_amounts_leave_no_posting) {
  const auto sides = Postings::Builder(alice)
                         .debit(LedgerAccount::suspense(), Money(5, usd))
                         .credit(LedgerAccount::revenue(), Money(5, usd))
                         .credit(LedgerAccount::customer_credit(), Money::zero(usd))
                         .build();
  EXPECT_EQ(sides.size(), 2u);
}

TEST(Postings, customers_accounts_need_a_customer_and_receivables_an_invoice) {
  EXPECT_THROW(std::ignore = Postings::Builder(AccountId()).debit(LedgerAccount::customer_credit(), Money(1, usd)),
               InvariantBroken);
  EXPECT_THROW(std::ignore = Postings::Builder(alice).debit(LedgerAccount::receivable(), Money(1, usd)),
               InvariantBroken);
}

TEST(Postings, reversed_is_the_same_movement_backwards) {
  const auto sides = Postings::Builder(alice)
                         .debit_receivable(invoice, Money(5, usd))
                         .credit(LedgerAccount::revenue(), Money(5, usd))
                         .build();
  EXPECT_EQ(sides.reversed().reversed(), sides);
  EXPECT_EQ(sides.reversed().all()[0].amount, Money(-5, usd));
}

}  // namespace
}  // namespace bursar::ledger
