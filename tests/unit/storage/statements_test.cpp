// What goes in comes out, on both backends, through single statements and batches.
#include "table.hpp"

namespace bursar::storage::testing {
namespace {

class StatementsTest : public StorageTest {};
INSTANTIATE_TEST_SUITE_P(Backends, StatementsTest, test::backends());

TEST_P(StatementsTest, integers_and_text_come_back_unchanged) {
  const std::int64_t extremes[] = {0, 1, -1, INT64_MAX, INT64_MIN};
  const std::string text = "caf\xc3\xa9 'quoted' \"double\" $1 {list:$1} \\ \n\t";
  for (const auto value : extremes) {
    const auto got = db_->write("echo", [&](Transaction& tx) -> Result<std::pair<std::int64_t, std::string>> {
      auto rows = tx.query("SELECT $1, $2", value, text);
      BURSAR_ASSERT(rows.next());
      return std::pair(rows.integer(0), rows.string(1));
    });
    EXPECT_EQ(got->first, value);
    EXPECT_EQ(got->second, text);
  }
}

TEST_P(StatementsTest, a_null_takes_the_type_of_its_column_and_reads_as_nothing) {
  db_->write("insert", [](Transaction& tx) {
    tx.execute("INSERT INTO things (id, name, amount) VALUES ($1, $2, $3)", 1, nullptr, std::optional<std::int64_t>());
    tx.execute("INSERT INTO things (id, name, amount) VALUES ($1, $2, $3)", 2, "two", 22);
    tx.execute("INSERT INTO things (id, name, amount) VALUES ($1, $2, $3)", 3, std::optional<std::string>(), 33);
  });
  db_->read([](Connection& connection) {
    auto rows = connection.query("SELECT name, amount FROM things ORDER BY id");
    ASSERT_TRUE(rows.next());
    EXPECT_TRUE(rows.is_null(0));
    EXPECT_TRUE(rows.is_null(1));
    EXPECT_EQ(rows.integer(1), 0);
    EXPECT_EQ(rows.text(0), "");
    EXPECT_EQ(rows.optional_string(0), std::nullopt);
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.text(0), "two");
    ASSERT_TRUE(rows.next());
    EXPECT_TRUE(rows.is_null(0));
    EXPECT_EQ(rows.integer(1), 33);
    EXPECT_FALSE(rows.next());
    EXPECT_FALSE(rows.next());
  });
}

TEST_P(StatementsTest, instants_dates_ids_and_booleans_have_their_storage_forms) {
  const auto now = Instant::parse("2027-01-31T03:00:00Z").value();
  const CivilDate day(2027, 2, 28);
  db_->read([&](Connection& connection) {
    auto rows = connection.query("SELECT $1, $2, $3, $4", now, day, AccountId(7), true);
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.instant(0), now);
    EXPECT_EQ(rows.text(0), "2027-01-31T03:00:00Z");
    EXPECT_EQ(rows.date(1), day);
    EXPECT_EQ(rows.id<AccountId>(2), AccountId(7));
    EXPECT_TRUE(rows.boolean(3));
    EXPECT_THROW((void)rows.instant(1), StorageError);
    EXPECT_THROW((void)rows.date(0), StorageError);
  });
}

TEST_P(StatementsTest, an_integer_list_selects_its_members) {
  db_->write("insert", [](Transaction& tx) {
    for (int id = 1; id <= 10; ++id)
      tx.execute("INSERT INTO things (id, name) VALUES ($1, $2)", id, std::to_string(id));
  });
  const auto count = [&](const std::vector<std::int64_t>& ids) {
    return db_->read([&](Connection& connection) {
      auto rows = connection.query("SELECT count(*) FROM things WHERE id IN {list:$1} AND id < $2",
                                   std::span<const std::int64_t>(ids), 9);
      return rows.next() ? rows.integer(0) : -1;
    });
  };
  EXPECT_EQ(count({}), 0);
  EXPECT_EQ(count({3}), 1);
  EXPECT_EQ(count({-5, 1, 2, 9, 10, 2}), 2);
}

TEST_P(StatementsTest, a_parameter_may_repeat_and_come_in_any_order) {
  db_->read([](Connection& connection) {
    auto rows = connection.query("SELECT $2 || $1 || $2", "a", "b");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.text(0), "bab");
  });
}

TEST_P(StatementsTest, one_statement_can_be_read_while_it_is_asked_again) {
  db_->write("insert", [](Transaction& tx) {
    for (int id = 1; id <= 3; ++id) tx.execute("INSERT INTO things (id, name) VALUES ($1, $2)", id, std::to_string(id));
  });
  const auto pairs = db_->read([](Connection& connection) {
    static constexpr Sql sql = "SELECT id FROM things WHERE id >= $1";
    int found = 0;
    auto outer = connection.query(sql, 1);
    while (outer.next()) {
      auto inner = connection.query(sql, outer.integer(0));
      while (inner.next()) ++found;
    }
    return found;
  });
  EXPECT_EQ(pairs, 6);
}

TEST_P(StatementsTest, execute_answers_the_rows_it_changed) {
  db_->write("insert", [](Transaction& tx) {
    EXPECT_EQ(tx.execute("INSERT INTO things (id, name) VALUES (1, 'a'), (2, 'b')"), 2);
    EXPECT_EQ(tx.execute("INSERT INTO things (id, name) VALUES (2, 'c') ON CONFLICT DO NOTHING"), 0);
    EXPECT_EQ(tx.execute("UPDATE things SET amount = 1"), 2);
    EXPECT_EQ(tx.execute("DELETE FROM things WHERE id = $1", 3), 0);
  });
}

TEST_P(StatementsTest, an_insert_that_returns_rows_has_happened_even_if_nobody_reads_them) {
  db_->write("insert", [](Transaction& tx) { tx.query("INSERT INTO things (id) VALUES (1) RETURNING id"); });
  EXPECT_EQ(count_things(*db_), 1);
}

TEST_P(StatementsTest, composed_sql_is_cached_by_its_text) {
  const auto first = Sql::composed(std::string("SELECT id FROM things") + " WHERE id = $1");
  const auto second = Sql::composed(std::string("SELECT id FROM things WHERE") + " id = $1");
  EXPECT_EQ(first.text(), second.text());
}

TEST_P(StatementsTest, text_with_a_nul_character_is_refused) {
  EXPECT_THROW(db_->write("insert",
                          [](Transaction& tx) {
                            tx.execute("INSERT INTO things (id, name) VALUES (1, $1)", std::string_view("a\0b", 3));
                          }),
               StorageError);
}

TEST_P(StatementsTest, a_batch_of_ten_thousand_rows_is_stored_and_updated_whole) {
  constexpr std::int64_t size = 10'000;
  db_->write("bulk", [&](Transaction& tx) {
    Batch batch{{"id", Batch::integer}, {"name", Batch::text}, {"amount", Batch::integer}};
    for (std::int64_t i = 1; i <= size; ++i) {
      if (i % 3 == 0) {
        batch.add(i, nullptr, i);
      } else {
        batch.add(i, "n" + std::to_string(i), std::optional<std::int64_t>());
      }
    }
    tx.insert_many("things", batch);
    Batch change{{"id", Batch::integer}, {"amount", Batch::integer}, {"name", Batch::text}};
    for (std::int64_t i = 1; i <= size; ++i)
      change.add(i, 2 * i, i == 5 ? std::optional<std::string>() : std::to_string(i));
    tx.update_many("things", 1, change);
  });
  db_->read([&](Connection& connection) {
    auto rows =
        connection.query("SELECT count(*), sum(amount), count(name) FROM things WHERE name IS NULL OR name = id || ''");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(0), size);
    EXPECT_EQ(rows.integer(1), size * (size + 1));
    EXPECT_EQ(rows.integer(2), size - 1);
  });
}

TEST_P(StatementsTest, insert_missing_leaves_out_what_is_there_and_counts_what_is_new) {
  db_->write("bulk", [](Transaction& tx) {
    Batch batch{{"id", Batch::integer}, {"name", Batch::text}};
    batch.add(1, "one");
    batch.add(2, "two");
    EXPECT_EQ(tx.insert_missing("things", batch), 2);
    batch.add(3, "two");
    batch.add(4, "four");
    batch.add(4, "again");
    EXPECT_EQ(tx.insert_missing("things", batch), 1);
    batch.clear();
    EXPECT_EQ(tx.insert_missing("things", batch), 0);
  });
  EXPECT_EQ(count_things(*db_), 3);
}

TEST_P(StatementsTest, an_empty_batch_does_nothing) {
  db_->write("bulk", [](Transaction& tx) {
    tx.insert_many("things", Batch{{"id", Batch::integer}});
    tx.update_many("things", 1, Batch{{"id", Batch::integer}, {"name", Batch::text}});
  });
  EXPECT_EQ(count_things(*db_), 0);
}

TEST_P(StatementsTest, an_update_in_bulk_that_misses_a_row_ends_the_transaction) {
  EXPECT_THROW(db_->write("bulk",
                          [](Transaction& tx) {
                            tx.execute("INSERT INTO things (id) VALUES (1)");
                            Batch change{{"id", Batch::integer}, {"amount", Batch::integer}};
                            change.add(1, 1);
                            change.add(2, 2);
                            tx.update_many("things", 1, change);
                          }),
               StorageError);
  EXPECT_EQ(count_things(*db_), 0);
}

TEST_P(StatementsTest, a_duplicate_in_a_batch_is_a_unique_violation_and_leaves_nothing) {
  EXPECT_THROW(db_->write("bulk",
                          [](Transaction& tx) {
                            Batch batch{{"id", Batch::integer}, {"name", Batch::text}};
                            batch.add(1, "same");
                            batch.add(2, "same");
                            tx.insert_many("things", batch);
                          }),
               UniqueViolation);
  EXPECT_EQ(count_things(*db_), 0);
}

}  // namespace
}  // namespace bursar::storage::testing
