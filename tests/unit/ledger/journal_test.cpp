// Goal: one business fact is booked once, credit never goes below zero, and what was booked stays as it is.
#include "ledger/journal.hpp"

#include <gtest/gtest.h>

#include "support/database.hpp"

namespace bursar::ledger {
namespace {

using storage::Transaction;

const Currency usd = Currency::parse("USD").value();
const Currency eur = Currency::parse("EUR").value();
const AccountId alice(101), bob(102);
const Instant noon = Instant::parse("2027-01-31T12:00:00Z").value();
const CivilDate today(2027, 1, 31);

Money dollars(std::int64_t cents) { return {cents, usd}; }

// Credit given by staff, the shortest entry there is.
Entry granted(std::int64_t source, AccountId account, Money amount) {
  return {.kind = EntryKind::credit_granted,
          .source = source,
          .account = account,
          .booked_at = noon,
          .booked_on = today,
          .postings = Postings::Builder(account)
                          .debit(LedgerAccount::credit_granted(), amount)
                          .credit(LedgerAccount::customer_credit(), amount)
                          .build()};
}

class Journal : public ::testing::TestWithParam<storage::Backend> {
 protected:
  Applied book(const Entry& entry) {
    return db->write("book", [&](Transaction& tx) { return apply(tx, entry); });
  }
  Money credit(AccountId account, Currency currency = usd) {
    return db->read([&](storage::Connection& c) { return credit_balance(c, account, currency); });
  }
  test::TestDatabase db = test::fresh_database(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Backends, Journal, test::backends());

TEST_P(Journal, the_same_fact_is_booked_once) {
  const auto first = book(granted(1, alice, dollars(500)));
  EXPECT_TRUE(first.created());
  auto later = granted(1, alice, dollars(500));
  later.booked_at = noon + hours(3);
  const auto again = book(later);
  EXPECT_EQ(again.status, ApplyStatus::exists);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(credit(alice), dollars(500));
}

TEST_P(Journal, a_key_taken_by_another_fact_names_the_difference) {
  book(granted(1, alice, dollars(500)));
  EXPECT_EQ(book(granted(1, bob, dollars(500))).status, ApplyStatus::exists_with_different_account);
  auto other_day = granted(1, alice, dollars(500));
  other_day.booked_on = today.plus_days(1);
  EXPECT_EQ(book(other_day).status, ApplyStatus::exists_with_different_date);
  const auto other_amount = book(granted(1, alice, dollars(501)));
  EXPECT_EQ(other_amount.status, ApplyStatus::exists_with_different_postings);
  EXPECT_TRUE(other_amount.conflicting());
  EXPECT_EQ(credit(alice), dollars(500)) << "a refused entry must not move credit";
  EXPECT_TRUE(credit(bob).is_zero());
}

TEST_P(Journal, credit_is_kept_by_currency_and_never_below_zero) {
  book(granted(1, alice, dollars(500)));
  book(granted(2, alice, Money(300, eur)));
  auto taken = granted(3, alice, dollars(501));
  taken.postings = taken.postings.reversed();
  EXPECT_THROW(book(taken), InvariantBroken);
  EXPECT_EQ(credit(alice), dollars(500));
  auto taken_whole = granted(4, alice, dollars(500));
  taken_whole.postings = taken_whole.postings.reversed();
  book(taken_whole);
  EXPECT_TRUE(credit(alice).is_zero());
  EXPECT_EQ(credit(alice, eur), Money(300, eur));
  const auto left = db->read([](storage::Connection& c) { return credit_balances(c, alice); });
  EXPECT_EQ(left, std::vector<Money>{Money(300, eur)});
}

TEST_P(Journal, a_batch_books_many_and_keeps_credit_beside_them) {
  const EntryId first = db->write("batch", [](Transaction& tx) {
    JournalBatch batch;
    for (std::int64_t i = 0; i < 1000; ++i) batch.add(granted(i + 1, i % 2 == 0 ? alice : bob, dollars(i + 1)));
    return batch.flush(tx);
  });
  EXPECT_EQ(credit(alice), dollars(250'000));
  EXPECT_EQ(credit(bob), dollars(250'500));
  const auto third = db->read([](storage::Connection& c) { return find_entry(c, EntryKind::credit_granted, 3); });
  ASSERT_TRUE(third);
  EXPECT_EQ(third->id.value(), first.value() + 2);
  EXPECT_EQ(third->postings, granted(3, alice, dollars(3)).postings.all());
}

TEST_P(Journal, a_batch_with_a_repeated_key_is_refused_whole) {
  book(granted(1, alice, dollars(5)));
  EXPECT_THROW(db->write("batch",
                         [](Transaction& tx) {
                           JournalBatch batch;
                           batch.add(granted(2, bob, dollars(5)));
                           batch.add(granted(1, bob, dollars(5)));
                           batch.flush(tx);
                         }),
               storage::StorageError);
  EXPECT_TRUE(credit(bob).is_zero());
}

TEST_P(Journal, statements_are_newest_first_in_pages_and_balances_sum_up) {
  for (std::int64_t i = 1; i <= 5; ++i) book(granted(i, alice, dollars(i)));
  book(granted(6, bob, dollars(100)));
  db->read([](storage::Connection& c) {
    const auto page = statement(c, alice, EntryId(), 2);
    ASSERT_EQ(page.size(), 2u);
    EXPECT_EQ(page[0].source, 5);
    const auto rest = statement(c, alice, page.back().id, 10);
    ASSERT_EQ(rest.size(), 3u);
    EXPECT_EQ(rest[0].postings.size(), 2u);
    const auto balances = account_balances(c, alice);
    ASSERT_EQ(balances.size(), 2u);
    EXPECT_EQ(balances[0].ledger_account, "credit_granted");
    EXPECT_EQ(balances[0].amount, dollars(15));
    EXPECT_EQ(balances[1].amount, dollars(-15));
    EXPECT_EQ(trial_balance(c)[0].amount, dollars(115));
  });
}

TEST_P(Journal, the_store_refuses_to_change_what_was_booked) {
  book(granted(1, alice, dollars(5)));
  EXPECT_THROW(db->write("change", [](Transaction& tx) { tx.execute("UPDATE postings SET amount = amount + 1"); }),
               storage::StorageError);
  EXPECT_THROW(db->write("delete", [](Transaction& tx) { tx.execute("DELETE FROM journal_entries"); }),
               storage::StorageError);
}

}  // namespace
}  // namespace bursar::ledger
