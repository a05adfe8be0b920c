// What commits, what rolls back, what readers see, and fresh numbers.
#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include "storage/installation.hpp"
#include "storage/restore.hpp"
#include "table.hpp"

namespace bursar::storage::testing {
namespace {

class TransactionsTest : public StorageTest {
 protected:
  void insert(std::int64_t id, const std::string& name) {
    db_->write("insert",
               [&](Transaction& tx) { tx.execute("INSERT INTO things (id, name) VALUES ($1, $2)", id, name); });
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, TransactionsTest, test::backends());

TEST_P(TransactionsTest, an_error_result_rolls_back_and_is_answered) {
  const auto answer = db_->write("refused", [](Transaction& tx) -> Result<int> {
    tx.execute("INSERT INTO things (id) VALUES (1)");
    return conflict("no_more", "no more things");
  });
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "no_more");
  EXPECT_EQ(count_things(*db_), 0);
}

TEST_P(TransactionsTest, an_exception_rolls_back_and_reaches_the_caller) {
  EXPECT_THROW(db_->write("thrown",
                          [](Transaction& tx) {
                            tx.execute("INSERT INTO things (id) VALUES (1)");
                            throw std::out_of_range("mine");
                          }),
               std::out_of_range);
  EXPECT_EQ(count_things(*db_), 0);
  insert(1, "afterwards it works");
}

TEST_P(TransactionsTest, a_second_row_with_the_same_key_is_a_unique_violation) {
  insert(1, "one");
  EXPECT_THROW(insert(1, "other"), UniqueViolation);
  EXPECT_THROW(insert(2, "one"), UniqueViolation);
  EXPECT_EQ(count_things(*db_), 1);
}

TEST_P(TransactionsTest, another_violated_constraint_is_a_lasting_storage_error) {
  try {
    db_->write("insert", [](Transaction& tx) { tx.execute("INSERT INTO things (id, amount) VALUES (1, -1)"); });
    FAIL();
  } catch (const UniqueViolation&) {
    FAIL() << "not a uniqueness constraint";
  } catch (const StorageError& error) {
    EXPECT_FALSE(error.transient());
  }
}

TEST_P(TransactionsTest, a_transaction_with_a_failed_statement_cannot_go_on_even_if_the_error_is_swallowed) {
  EXPECT_THROW(db_->write("swallow",
                          [](Transaction& tx) {
                            tx.execute("INSERT INTO things (id) VALUES (1)");
                            try {
                              tx.execute("INSERT INTO things (id) VALUES (1)");
                            } catch (const UniqueViolation&) {
                              EXPECT_THROW(tx.execute("INSERT INTO things (id) VALUES (2)"), StorageError);
                            }
                          }),
               StorageError);
  EXPECT_EQ(count_things(*db_), 0);
}

TEST_P(TransactionsTest, a_transaction_sees_its_own_writes_and_others_see_them_after_commit) {
  db_->write("insert", [](Transaction& tx) {
    tx.execute("INSERT INTO things (id) VALUES (1)");
    auto rows = tx.query("SELECT count(*) FROM things");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(0), 1);
  });
  EXPECT_EQ(count_things(*db_), 1);
}

TEST_P(TransactionsTest, a_read_sees_one_snapshot_while_others_write) {
  const auto count = [](Connection& connection) {
    auto rows = connection.query("SELECT count(*) FROM things");
    rows.next();
    return rows.integer(0);
  };
  db_->read([&](Connection& connection) {
    EXPECT_EQ(count(connection), 0);
    std::thread([&] { insert(1, "while reading"); }).join();
    EXPECT_EQ(count(connection), 0);
  });
  EXPECT_EQ(count_things(*db_), 1);
}

TEST_P(TransactionsTest, a_read_or_write_inside_another_is_refused_as_our_mistake) {
  EXPECT_THROW(db_->read([&](Connection&) { count_things(*db_); }), InvariantBroken);
  EXPECT_THROW(db_->write("outer", [&](Transaction&) { count_things(*db_); }), InvariantBroken);
  EXPECT_THROW(db_->write("outer", [&](Transaction&) { insert(1, "inner"); }), InvariantBroken);
}

TEST_P(TransactionsTest, after_commit_runs_once_when_durable_and_never_after_a_rollback) {
  int ran = 0;
  const auto caller = std::this_thread::get_id();
  db_->write("kept", [&](Transaction& tx) {
    tx.after_commit([&] {
      ++ran;
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_EQ(count_things(*db_), 1);
    });
    tx.execute("INSERT INTO things (id) VALUES (1)");
  });
  const auto refused = db_->write("refused", [&](Transaction& tx) -> Status {
    tx.after_commit([&] { ++ran; });
    return conflict("no", "no");
  });
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(ran, 1);
}

TEST_P(TransactionsTest, concurrent_writers_lose_no_update) {
  insert(1, "counter");
  db_->write("zero", [](Transaction& tx) { tx.execute("UPDATE things SET amount = 0"); });
  constexpr int threads = 4;
  constexpr int rounds = 25;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < threads; ++i) {
      writers.emplace_back([&] {
        for (int round = 0; round < rounds; ++round) {
          db_->write("increment", [](Transaction& tx) {
            auto rows = tx.query("SELECT amount FROM things WHERE id = 1");
            ASSERT_TRUE(rows.next());
            const auto amount = rows.integer(0);
            tx.execute("UPDATE things SET amount = $1 WHERE id = 1", amount + 1);
          });
        }
      });
    }
  }
  db_->read([](Connection& connection) {
    auto rows = connection.query("SELECT amount FROM things");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(0), threads * rounds);
  });
}

// Each fails or commits for itself, although on SQLite they share physical transactions.
TEST_P(TransactionsTest, a_failing_writer_takes_no_neighbour_with_it) {
  constexpr int threads = 8;
  constexpr int rounds = 20;
  std::atomic<int> refused = 0;
  std::atomic<int> thrown = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < threads; ++i) {
      writers.emplace_back([&, i] {
        for (int round = 0; round < rounds; ++round) {
          const std::int64_t id = i * rounds + round + 1;
          try {
            const auto done = db_->write("mixed", [&](Transaction& tx) -> Status {
              tx.execute("INSERT INTO things (id) VALUES ($1)", id);
              if (id % 3 == 1) return conflict("no", "no");
              if (id % 3 == 2) tx.execute("INSERT INTO things (id) VALUES ($1)", id);
              return {};
            });
            if (!done.ok()) ++refused;
          } catch (const UniqueViolation&) {
            ++thrown;
          }
        }
      });
    }
  }
  EXPECT_EQ(refused, 54);
  EXPECT_EQ(thrown, 53);
  EXPECT_EQ(count_things(*db_), threads * rounds - 54 - 53);
}

TEST_P(TransactionsTest, committed_rows_are_there_after_a_restart) {
  insert(1, "kept");
  db_.reopen();
  EXPECT_EQ(count_things(*db_), 1);
}

TEST_P(TransactionsTest, fresh_ids_are_never_given_twice_whatever_rolls_back) {
  std::set<std::int64_t> seen;
  const auto take = [&](std::int64_t count, bool keep) {
    std::int64_t first = 0;
    const auto done = db_->write("ids", [&](Transaction& tx) -> Status {
      first = tx.reserve_ids(count);
      if (!keep) return conflict("no", "no");
      return {};
    });
    EXPECT_EQ(done.ok(), keep);
    for (std::int64_t i = 0; i < count; ++i) EXPECT_TRUE(seen.insert(first + i).second) << first + i;
  };
  for (const bool keep : {true, false, true, false, false, true}) {
    take(1, keep);
    take(10, !keep);
    take(5000, keep);
    take(70'000, !keep);
    take(1, keep);
  }
}

TEST_P(TransactionsTest, fresh_ids_are_never_given_twice_across_restarts) {
  std::set<std::int64_t> seen;
  for (int start = 0; start < 3; ++start) {
    for (int i = 0; i < 3; ++i) {
      const auto id = db_->write("id", [](Transaction& tx) -> Result<InvoiceId> { return tx.new_id<InvoiceId>(); });
      EXPECT_GT(id->value(), 0);
      EXPECT_TRUE(seen.insert(id->value()).second);
    }
    db_.reopen();
  }
}

TEST_P(TransactionsTest, numbers_of_a_series_have_no_gaps_even_after_a_rollback) {
  const auto take = [&](std::int64_t count, bool keep) {
    std::int64_t first = 0;
    const auto done = db_->write("numbers", [&](Transaction& tx) -> Status {
      first = reserve_numbers(tx, "INV-2027", count);
      if (!keep) return conflict("no", "no");
      return {};
    });
    EXPECT_EQ(done.ok(), keep);
    return first;
  };
  EXPECT_EQ(take(1, true), 1);
  EXPECT_EQ(take(500, true), 2);
  EXPECT_EQ(take(7, false), 502);
  EXPECT_EQ(take(2, true), 502);
  EXPECT_EQ(take(1, true), 504);
}

TEST_P(TransactionsTest, a_simulation_changes_nothing_and_sees_what_is_stored) {
  insert(1, "stored");
  db_->simulate([](Transaction& tx) {
    tx.execute("INSERT INTO things (id, name) VALUES ($1, 'simulated')", tx.reserve_ids(1) + 100);
    auto rows = tx.query("SELECT count(*) FROM things");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(0), 2);
  });
  EXPECT_EQ(count_things(*db_), 1);
}

TEST_P(TransactionsTest, a_backup_taken_in_use_restores_to_the_same_rows) {
  test::TemporaryFolder folder;
  insert(1, "in the backup");
  ASSERT_TRUE(db_->backup(folder.file("backup")).ok());
  insert(2, "after it");
  EXPECT_FALSE(db_->backup(folder.file("backup")).ok()) << "a backup is never overwritten";

  auto restored_into = test::fresh_database(GetParam(), test::Schema::empty);
  restored_into.close();
  if (GetParam() == Backend::sqlite) std::filesystem::remove(restored_into.url().substr(7));
  const auto done = restore(folder.file("backup"), restored_into.url());
  ASSERT_TRUE(done.ok()) << done.error().detail;
  restored_into.open();
  EXPECT_EQ(count_things(*restored_into), 1);
  EXPECT_EQ(load_id_key(*restored_into), load_id_key(*db_));
  EXPECT_FALSE(restore(folder.file("backup"), db_.url()).ok()) << "a restore never overwrites";
}

TEST_P(TransactionsTest, the_store_answers_a_ping) { EXPECT_TRUE(db_->ping().ok()); }

}  // namespace
}  // namespace bursar::storage::testing
