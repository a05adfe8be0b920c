// The SQLite file: who may open it, and what a killed process leaves.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

#include "table.hpp"

namespace bursar::storage::testing {
namespace {

class SqliteFileTest : public ::testing::Test {
 protected:
  std::string url() const { return "sqlite:" + folder_.file("bursar.db"); }
  Result<std::unique_ptr<Database>> open(const OpenOptions& options = {.create_if_missing = true}) const {
    return Database::open(url(), options);
  }
  // Runs `body` in a process of its own; answers its wait status.
  template <class F>
  int in_child(F&& body) {
    const pid_t child = ::fork();
    if (child == 0) {
      body();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }
  // Inserts 1, 2, 3 ... from several threads until killed; each acknowledged id goes to the file `acknowledged`.
  void insert_until_killed() {
    auto db = open().value();
    std::atomic<int> next = 1;
    std::ofstream acknowledged(folder_.file("acknowledged"));
    std::mutex mutex;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (;;) {
          const int id = next++;
          db->write("insert", [&](Transaction& tx) { tx.execute("INSERT INTO things (id) VALUES ($1)", id); });
          const std::lock_guard lock(mutex);
          acknowledged << id << std::endl;
        }
      });
    }
  }
  test::TemporaryFolder folder_;
};

TEST_F(SqliteFileTest, a_missing_file_is_refused_unless_it_may_be_created) {
  const auto refused = open({});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "database_not_openable");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("bursar.db")));
  EXPECT_FALSE(open({.create_if_missing = true, .read_only = true}).ok());
  EXPECT_TRUE(open().ok());
}

TEST_F(SqliteFileTest, a_missing_folder_or_a_folder_in_its_place_is_an_error_and_not_a_crash) {
  EXPECT_FALSE(Database::open("sqlite:" + folder_.file("nowhere/bursar.db"), {.create_if_missing = true}).ok());
  EXPECT_FALSE(Database::open("sqlite:" + folder_.path().string(), {.create_if_missing = true}).ok());
}

TEST_F(SqliteFileTest, a_file_that_is_no_database_is_refused) {
  std::ofstream(folder_.file("bursar.db")) << std::string(8192, 'x');
  const auto refused = open();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "database_not_openable");
}

TEST_F(SqliteFileTest, memory_and_unknown_urls_are_refused_without_repeating_them) {
  EXPECT_FALSE(Database::open("sqlite::memory:", {}).ok());
  EXPECT_FALSE(Database::open("sqlite:", {}).ok());
  const auto refused = Database::open("mysql://user:hunter2@host/db", {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail.find("hunter2"), std::string::npos);
}

TEST_F(SqliteFileTest, a_second_process_is_kept_off_and_a_reader_is_not) {
  auto db = open().value();
  create_things(*db);
  const int status = in_child([&] {
    const auto second = open();
    if (second.ok() || second.error().code != "database_in_use") ::_exit(1);
    auto reader = Database::open(url(), {.read_only = true});
    if (!reader.ok() || count_things(**reader) != 0) ::_exit(2);
    try {
      (*reader)->write("refused", [](Transaction&) {});
      ::_exit(3);
    } catch (const StorageError&) {
      ::_exit(0);
    }
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SqliteFileTest, the_lock_ends_with_its_database) {
  { const auto first = open().value(); }
  EXPECT_TRUE(open().ok());
}

TEST_F(SqliteFileTest, a_closed_database_is_one_file_without_a_log) {
  {
    auto db = open().value();
    create_things(*db);
    count_things(*db);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.file("bursar.db-wal")));
  EXPECT_GT(std::filesystem::file_size(folder_.file("bursar.db")), 4096U);
}

TEST_F(SqliteFileTest, every_acknowledged_write_is_there_after_a_kill) {
  create_things(*open().value());
  const pid_t child = ::fork();
  if (child == 0) insert_until_killed();
  for (int i = 0; i < 1000; ++i) {
    std::ifstream in(folder_.file("acknowledged"));
    if (std::count(std::istreambuf_iterator<char>(in), {}, '\n') >= 40) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  auto db = open().value();
  std::ifstream in(folder_.file("acknowledged"));
  int checked = 0;
  // A last number without its line end was cut by the kill.
  for (std::int64_t id = 0; in >> id && in.peek() == '\n'; ++checked) {
    EXPECT_TRUE(db->read([&](Connection& c) { return c.query("SELECT 1 FROM things WHERE id = $1", id).next(); }))
        << id;
  }
  EXPECT_GE(checked, 40);
}

TEST_F(SqliteFileTest, copies_left_by_a_killed_process_are_swept_at_the_next_start) {
  create_things(*open().value());
  in_child([&] {
    auto db = open().value();
    db->simulate([](Transaction&) { ::kill(::getpid(), SIGKILL); });
  });
  const auto copies = [&] {
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (entry.path().string().find(".temporary-") != std::string::npos) ++found;
    }
    return found;
  };
  EXPECT_GT(copies(), 0);
  EXPECT_EQ(count_things(*open().value()), 0);
  EXPECT_EQ(copies(), 0);
}

TEST_F(SqliteFileTest, a_full_disk_is_a_transient_error_that_leaves_nothing_half_done) {
  create_things(*open().value());
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    auto db = open().value();
    const auto insert = [&](int first, int count) {
      db->write("bulk", [&](Transaction& tx) {
        Batch batch{{"id", Batch::integer}, {"name", Batch::text}};
        for (int i = 0; i < count; ++i) batch.add(first + i, std::string(1000, 'x') + std::to_string(first + i));
        tx.insert_many("things", batch);
      });
    };
    insert(1, 10);
    const rlimit limit{.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      insert(100, 3000);
      ::_exit(1);
    } catch (const StorageError& error) {
      if (!error.transient()) ::_exit(2);
    }
    const rlimit none{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &none);
    insert(5000, 10);
    ::_exit(count_things(*db) == 20 ? 0 : 3);
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace bursar::storage::testing
