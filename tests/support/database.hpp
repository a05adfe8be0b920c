// A database of a test's own, on each backend. See README.md.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/database.hpp"
#include "support/temporary_folder.hpp"

namespace bursar::test {

// The backends to run a parametrised suite on: both, or SQLite alone where PostgreSQL is not installed and
// BURSAR_REQUIRE_REAL_PARTS is not 1 (the reason is printed).
std::vector<storage::Backend> backend_list();
inline auto backends() { return ::testing::ValuesIn(backend_list()); }

enum class Schema { migrated, empty };

class TestDatabase {
 public:
  TestDatabase(storage::Backend backend, Schema schema);
  ~TestDatabase();
  TestDatabase(TestDatabase&&) = default;
  TestDatabase& operator=(TestDatabase&&) = delete;

  storage::Database& operator*() const { return *database_; }
  storage::Database* operator->() const { return database_.get(); }
  storage::Database& get() const { return *database_; }
  // For a second Database (PostgreSQL, or SQLite read-only) or another process.
  [[nodiscard]] const std::string& url() const { return url_; }
  // Closes, as the end of a process would. `open()` again before any use.
  void close() { database_.reset(); }
  void open();
  void reopen() {
    close();
    open();
  }

 private:
  std::unique_ptr<TemporaryFolder> folder_;
  std::string url_;
  std::string drop_;  // the PostgreSQL database to drop at the end
  std::unique_ptr<storage::Database> database_;
};

inline TestDatabase fresh_database(storage::Backend backend, Schema schema = Schema::migrated) {
  return {backend, schema};
}

}  // namespace bursar::test

namespace bursar::storage {
inline void PrintTo(Backend backend, std::ostream* out) {
  *out << (backend == Backend::sqlite ? "sqlite" : "postgresql");
}
}  // namespace bursar::storage
