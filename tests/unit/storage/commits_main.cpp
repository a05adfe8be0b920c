// storage_commits URL COUNT: commits COUNT times, one row of the table things each, and exits 0 if all were
// acknowledged, else 3. A program of its own, because failpoints are read from the environment once in a process.
#include <charconv>
#include <cstdio>
#include <string_view>

#include "storage/database.hpp"

int main(int argc, char** argv) {
  using namespace bursar::storage;
  if (argc != 3) return 2;
  int count = 0;
  const std::string_view digits = argv[2];
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  auto db = Database::open(argv[1]);
  if (!db.ok()) {
    std::fputs(db.error().detail.c_str(), stderr);
    return 2;
  }
  bool all = true;
  for (int i = 0; i < count; ++i) {
    try {
      (*db)->write("insert", [](Transaction& tx) {
        tx.execute("INSERT INTO things (id) SELECT 1 + coalesce(max(id), 0) FROM things");
      });
    } catch (const StorageError&) {
      all = false;
    }
  }
  return all ? 0 : 3;
}
