// A small table for tests of the store itself.
#pragma once

#include <gtest/gtest.h>

#include "storage/database.hpp"
#include "support/database.hpp"

namespace bursar::storage::testing {

inline void create_things(Database& db) {
  db.write("create_things", [](Transaction& tx) {
    tx.run_script("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT UNIQUE, amount BIGINT CHECK (amount >= 0))");
  });
}

inline std::int64_t count_things(Database& db) {
  return db.read([](Connection& connection) {
    auto rows = connection.query("SELECT count(*) FROM things");
    rows.next();
    return rows.integer(0);
  });
}

class StorageTest : public ::testing::TestWithParam<Backend> {
 protected:
  StorageTest() : db_(test::fresh_database(GetParam())) { create_things(*db_); }
  test::TestDatabase db_;
};

}  // namespace bursar::storage::testing
