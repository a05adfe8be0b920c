// PostgreSQL alone: conflicts, lost connections and the server's end.
#include <atomic>
#include <thread>

#include "table.hpp"

namespace bursar::storage::testing {
namespace {

class PostgresqlServerTest : public StorageTest {
 protected:
  // Ends every other connection to this database, as a restart of the server would.
  void cut_connections(Database& by) {
    std::int64_t left = 1;
    while (left > 0) {
      by.read([&](Connection& connection) {
        auto rows = connection.query(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'");
        rows.next();
        left = rows.integer(0);
      });
    }
  }
};
std::vector<Backend> only_postgresql() {
  auto all = test::backend_list();
  std::erase(all, Backend::sqlite);
  return all;
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PostgresqlServerTest);
INSTANTIATE_TEST_SUITE_P(Backends, PostgresqlServerTest, ::testing::ValuesIn(only_postgresql()));

TEST_P(PostgresqlServerTest, a_transaction_that_asked_first_whether_a_key_is_free_finds_the_rival_who_took_it) {
  auto other = Database::open(db_.url()).value();
  int runs = 0;
  const auto answer = db_->write("late", [&](Transaction& tx) -> Result<int> {
    if (tx.query("SELECT 1 FROM things WHERE name = 'wanted'").next()) return conflict("taken", "somebody has it");
    if (++runs == 1) {
      std::thread([&] {
        other->write("rival", [](Transaction& t) { t.execute("INSERT INTO things (id, name) VALUES (1, 'wanted')"); });
      }).join();
    }
    tx.execute("INSERT INTO things (id, name) VALUES (2, 'wanted')");
    return 1;
  });
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "taken");
  EXPECT_EQ(runs, 1);
}

TEST_P(PostgresqlServerTest, a_transaction_in_conflict_is_run_again_until_it_commits) {
  auto other = Database::open(db_.url()).value();
  db_->write("start", [](Transaction& tx) { tx.execute("INSERT INTO things (id, amount) VALUES (1, 0)"); });
  int runs = 0;
  db_->write("conflicting", [&](Transaction& tx) {
    auto rows = tx.query("SELECT amount FROM things WHERE id = 1");
    ASSERT_TRUE(rows.next());
    const auto amount = rows.integer(0);
    if (++runs == 1) {
      std::thread([&] {
        other->write("rival", [](Transaction& t) { t.execute("UPDATE things SET amount = amount + 10 WHERE id = 1"); });
      }).join();
    }
    tx.execute("UPDATE things SET amount = $1 WHERE id = 1", amount + 1);
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(db_->read([](Connection& c) {
    auto rows = c.query("SELECT amount FROM things");
    rows.next();
    return rows.integer(0);
  }),
            11);
}

TEST_P(PostgresqlServerTest, a_conflict_swallowed_by_the_caller_is_still_run_again) {
  auto other = Database::open(db_.url()).value();
  db_->write("start", [](Transaction& tx) { tx.execute("INSERT INTO things (id, amount) VALUES (1, 0)"); });
  int runs = 0;
  const auto done = db_->write("conflicting", [&](Transaction& tx) -> Status {
    { auto rows = tx.query("SELECT amount FROM things WHERE id = 1"); }
    if (++runs == 1) {
      std::thread([&] {
        other->write("rival", [](Transaction& t) { t.execute("UPDATE things SET amount = 10 WHERE id = 1"); });
      }).join();
    }
    try {
      tx.execute("UPDATE things SET amount = amount + 1 WHERE id = 1");
    } catch (const StorageError&) {
      return conflict("wrong", "the caller took it for an answer");
    }
    return {};
  });
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(runs, 2);
}

TEST_P(PostgresqlServerTest, write_skew_between_two_transactions_is_prevented) {
  db_->write("start", [](Transaction& tx) { tx.execute("INSERT INTO things (id, amount) VALUES (1, 1), (2, 1)"); });
  // Each takes from one row only if the two together hold two: both at once must not.
  std::atomic<int> taken = 0;
  const auto take = [&](std::int64_t id) {
    bool took = false;
    db_->write("take", [&](Transaction& tx) {
      took = false;
      auto rows = tx.query("SELECT sum(amount) FROM things");
      ASSERT_TRUE(rows.next());
      if (rows.integer(0) < 2) return;
      tx.execute("UPDATE things SET amount = 0 WHERE id = $1", id);
      took = true;
    });
    if (took) ++taken;
  };
  {
    const std::jthread one([&] { take(1); });
    const std::jthread two([&] { take(2); });
  }
  EXPECT_EQ(taken, 1);
}

TEST_P(PostgresqlServerTest, a_write_survives_a_connection_lost_before_its_commit) {
  auto other = Database::open(db_.url()).value();
  int runs = 0;
  db_->write("cut", [&](Transaction& tx) {
    tx.execute("INSERT INTO things (id) VALUES (1)");
    if (++runs == 1) std::thread([&] { cut_connections(*other); }).join();
    tx.execute("INSERT INTO things (id) VALUES (2)");
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count_things(*db_), 2);
}

TEST_P(PostgresqlServerTest, idle_connections_cut_by_the_server_are_replaced_unnoticed) {
  auto other = Database::open(db_.url()).value();
  EXPECT_EQ(count_things(*db_), 0);
  cut_connections(*other);
  EXPECT_EQ(count_things(*db_), 0);
  db_->write("insert", [](Transaction& tx) { tx.execute("INSERT INTO things (id) VALUES (1)"); });
}

TEST_P(PostgresqlServerTest, a_read_whose_connection_is_lost_is_a_transient_error) {
  auto other = Database::open(db_.url()).value();
  try {
    db_->read([&](Connection& connection) {
      connection.query("SELECT 1");
      std::thread([&] { cut_connections(*other); }).join();
      connection.query("SELECT 1");
    });
    FAIL();
  } catch (const StorageError& error) {
    EXPECT_TRUE(error.transient());
  }
  EXPECT_EQ(count_things(*db_), 0);
}

TEST_P(PostgresqlServerTest, a_server_that_is_not_there_is_an_error_and_not_a_wait) {
  const auto refused = Database::open("postgresql:host=/nowhere user=bursar dbname=bursar password=hunter2");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(refused.error().detail.find("hunter2"), std::string::npos);
}

TEST_P(PostgresqlServerTest, conflicts_that_keep_coming_repeat_no_effect_of_a_transaction) {
  db_->write("trigger", [](Transaction& tx) {
    tx.run_script(
        "CREATE SEQUENCE tries; "
        "CREATE FUNCTION refuse_every_third() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('tries') % 3 = 0 THEN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END IF; "
        "RETURN NEW; END $$; "
        "CREATE TRIGGER refuse BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION refuse_every_third()");
  });
  int runs = 0;
  int after_commit = 0;
  for (std::int64_t id = 1; id <= 30; ++id) {
    db_->write("insert", [&](Transaction& tx) {
      ++runs;
      tx.after_commit([&] { ++after_commit; });
      tx.execute("INSERT INTO things (id) VALUES ($1)", id);
    });
  }
  EXPECT_EQ(runs, 44) << "every third try was refused and made again";
  EXPECT_EQ(after_commit, 30);
  EXPECT_EQ(count_things(*db_), 30);
}

// What a sequence gave to a transaction that no commit made durable, a server that crashes gives out again.
TEST_P(PostgresqlServerTest, ids_that_no_commit_has_made_durable_are_used_by_no_other_transaction) {
  auto fresh = Database::open(db_.url()).value();
  const auto take = [&](bool keep) {
    std::int64_t first = 0;
    const auto done = fresh->write("ids", [&](Transaction& tx) -> Status {
      first = tx.reserve_ids(1);
      if (!keep) return conflict("no", "no");
      return {};
    });
    EXPECT_EQ(done.ok(), keep);
    return first;
  };
  const std::int64_t forgotten = take(false), kept = take(true);
  EXPECT_GE(kept - forgotten, 65'536) << "from the same block";
  EXPECT_EQ(take(false), kept + 1) << "a block that was committed is shared";
  EXPECT_EQ(take(true), kept + 2);
}

TEST_P(PostgresqlServerTest, works_without_prepared_statements_for_poolers_that_have_none) {
  auto plain = Database::open(db_.url(), {.prepared_statements = false}).value();
  plain->write("insert", [](Transaction& tx) {
    Batch batch{{"id", Batch::integer}, {"name", Batch::text}};
    batch.add(1, "a");
    batch.add(2, nullptr);
    tx.insert_many("things", batch);
    tx.execute("UPDATE things SET amount = $2 WHERE id = $1", 1, 5);
  });
  EXPECT_EQ(count_things(*plain), 2);
}

TEST_P(PostgresqlServerTest, a_read_only_database_refuses_writes) {
  auto reader = Database::open(db_.url(), {.read_only = true}).value();
  EXPECT_EQ(count_things(*reader), 0);
  EXPECT_THROW(reader->write("refused", [](Transaction&) {}), StorageError);
  EXPECT_THROW(db_->read([](Connection& c) { c.query("INSERT INTO things (id) VALUES (1) RETURNING id"); }),
               StorageError);
}

TEST_P(PostgresqlServerTest, an_unprepared_failure_does_not_spoil_the_statement_for_later) {
  static constexpr Sql sql = "SELECT count(*) FROM not_yet";
  EXPECT_THROW(db_->read([](Connection& c) { c.query(sql); }), StorageError);
  db_->write("create", [](Transaction& tx) { tx.run_script("CREATE TABLE not_yet (id BIGINT)"); });
  EXPECT_NO_THROW(db_->read([](Connection& c) { c.query(sql); }));
}

}  // namespace
}  // namespace bursar::storage::testing
