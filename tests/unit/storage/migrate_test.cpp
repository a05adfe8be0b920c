#include <atomic>
#include <barrier>
#include <thread>

#include "storage/dialect.hpp"
#include "storage/installation.hpp"
#include "storage/migrations.hpp"
#include "support/clock.hpp"
#include "table.hpp"

namespace bursar::storage::testing {
namespace {

class MigrateTest : public ::testing::TestWithParam<Backend> {
 protected:
  MigrateTest() : db_(test::fresh_database(GetParam(), test::Schema::empty)) {}
  bool has_table(Sql count) {
    try {
      return db_->read([&](Connection& connection) { return connection.query(count).next(); });
    } catch (const StorageError&) {
      return false;
    }
  }
  test::ManualClock clock_;
  test::TestDatabase db_;
};
INSTANTIATE_TEST_SUITE_P(Backends, MigrateTest, test::backends());

constexpr Migration first{1, "0001_first",
                          "CREATE TABLE first (id {id}, name TEXT);\nINSERT INTO first VALUES (1, 'a;b');\n"};
constexpr Migration second{2, "0002_second",
                           "-- sqlite:\nCREATE TABLE only_sqlite (id {id});\n-- end\n"
                           "-- postgresql:\nCREATE TABLE only_postgresql (id {id});\n-- end\n"
                           "CREATE TABLE second (id {id});\n"};
constexpr Migration broken{2, "0002_second", "CREATE TABLE second (id {id});\nCREATE TABLE second (id {id});\n"};

TEST_P(MigrateTest, the_product_schema_applies_once_and_then_is_up_to_date) {
  EXPECT_FALSE(check_schema(*db_).ok());
  const auto plan = pending_migrations(*db_);
  ASSERT_TRUE(plan.ok());
  const auto report = migrate(*db_, clock_);
  ASSERT_TRUE(report.ok()) << report.error().detail;
  EXPECT_EQ(report->applied, plan->applied);
  EXPECT_EQ(report->from_version, 0);
  EXPECT_EQ(report->to_version, newest_version());
  EXPECT_TRUE(check_schema(*db_).ok());
  EXPECT_TRUE(migrate(*db_, clock_)->applied.empty());
}

TEST_P(MigrateTest, the_first_migration_draws_a_key_that_stays) {
  ASSERT_TRUE(migrate(*db_, clock_).ok());
  const auto key = load_id_key(*db_);
  EXPECT_NE(key, IdCodec::Key{});
  ASSERT_TRUE(migrate(*db_, clock_).ok());
  EXPECT_EQ(load_id_key(*db_), key);
  auto other = test::fresh_database(GetParam(), test::Schema::empty);
  ASSERT_TRUE(migrate(*other, clock_).ok());
  EXPECT_NE(load_id_key(*other), key);
}

TEST_P(MigrateTest, later_migrations_are_added_to_earlier_ones_with_the_blocks_of_their_backend) {
  const Migration list[] = {first, second};
  ASSERT_TRUE(migrate_with(*db_, clock_, std::span(list).first(1)).ok());
  EXPECT_TRUE(has_table("SELECT count(*) FROM first"));
  const auto report = migrate_with(*db_, clock_, list);
  ASSERT_TRUE(report.ok()) << report.error().detail;
  EXPECT_EQ(report->applied, std::vector<std::string>{"0002_second"});
  EXPECT_TRUE(has_table("SELECT count(*) FROM second"));
  EXPECT_EQ(has_table("SELECT count(*) FROM only_sqlite"), GetParam() == Backend::sqlite);
  EXPECT_EQ(has_table("SELECT count(*) FROM only_postgresql"), GetParam() == Backend::postgresql);
}

TEST_P(MigrateTest, a_migration_that_fails_leaves_the_whole_ones_before_it_and_nothing_of_itself) {
  const Migration list[] = {first, broken};
  EXPECT_THROW((void)migrate_with(*db_, clock_, list), StorageError);
  EXPECT_TRUE(has_table("SELECT count(*) FROM first"));
  EXPECT_FALSE(has_table("SELECT count(*) FROM second"));
  const Migration mended[] = {first, second};
  EXPECT_TRUE(migrate_with(*db_, clock_, mended).ok());
}

TEST_P(MigrateTest, a_schema_newer_than_the_binary_is_refused) {
  const Migration list[] = {first, second};
  ASSERT_TRUE(migrate_with(*db_, clock_, list).ok());
  const auto older = migrate_with(*db_, clock_, std::span(list).first(1));
  ASSERT_FALSE(older.ok());
  EXPECT_EQ(older.error().code, "schema_too_new");
}

TEST_P(MigrateTest, a_migration_changed_after_it_was_applied_is_refused) {
  const Migration list[] = {first};
  ASSERT_TRUE(migrate_with(*db_, clock_, list).ok());
  const Migration changed[] = {{1, "0001_first", "CREATE TABLE first (id {id});\n"}};
  const auto answer = migrate_with(*db_, clock_, changed);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "migration_changed");
}

TEST_P(MigrateTest, two_that_migrate_at_once_apply_each_migration_once) {
  auto second_process = GetParam() == Backend::postgresql ? Database::open(db_.url()).value() : nullptr;
  Database& other = second_process != nullptr ? *second_process : *db_;
  std::size_t applied[2] = {0, 0};
  {
    const std::jthread left([&] { applied[0] = migrate(*db_, clock_)->applied.size(); });
    const std::jthread right([&] { applied[1] = migrate(other, clock_)->applied.size(); });
  }
  EXPECT_EQ(applied[0] + applied[1], migrations().size());
  EXPECT_TRUE(check_schema(*db_).ok());
}

TEST_P(MigrateTest, processes_that_start_together_on_an_empty_database_create_it_once) {
  constexpr std::size_t processes = 6;
  const Migration list[] = {first, second};
  for (int round = 0; round < 8; ++round) {
    const auto db = test::fresh_database(GetParam(), test::Schema::empty);
    std::vector<std::unique_ptr<Database>> others;
    std::vector<Database*> all;
    for (std::size_t i = 0; i < processes; ++i) {
      if (GetParam() == Backend::postgresql) others.push_back(Database::open(db.url()).value());
      all.push_back(GetParam() == Backend::postgresql ? others.back().get() : &*db);
    }
    std::barrier start(static_cast<std::ptrdiff_t>(processes));
    std::atomic<std::size_t> applied = 0;
    {
      std::vector<std::jthread> threads;
      for (auto* process : all) {
        threads.emplace_back([&, process] {
          start.arrive_and_wait();
          EXPECT_NO_THROW(applied += migrate_with(*process, clock_, list)->applied.size());
        });
      }
    }
    ASSERT_EQ(applied, std::size(list)) << "in round " << round;
  }
}

TEST(RenderSql, leaves_quoted_text_alone_and_refuses_unknown_tokens) {
  EXPECT_EQ(render_sql(Backend::sqlite, "SELECT '$1 {x}', $1 FROM t {skip_locked}"), "SELECT '$1 {x}', ?1 FROM t ");
  EXPECT_EQ(render_sql(Backend::postgresql, "SELECT $1 FROM t {skip_locked}"),
            "SELECT $1 FROM t FOR UPDATE SKIP LOCKED");
  EXPECT_THROW(render_sql(Backend::sqlite, "SELECT {typo}"), InvariantBroken);
}

}  // namespace
}  // namespace bursar::storage::testing
