// A Transaction on the writer's connection. One lives for one write().
#pragma once

#include "storage/sqlite/connection.hpp"

namespace bursar::storage::sqlite {

// Numbers are taken from the database in blocks. A block taken in a transaction that rolls back is gone from the
// database's memory, so it is dropped here too; numbers already given out are not given out again.
class IdBlock {
 public:
  std::int64_t reserve(SqliteConnection& connection, std::int64_t count);
  void forget() { next_ = end_ = 0; }

 private:
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
  std::int64_t given_until_ = 0;
};

class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(SqliteConnection& connection, IdBlock& ids) : connection_(connection), ids_(ids) {}

  void insert_many(const char* table, const Batch& batch) override;
  std::int64_t insert_missing(const char* table, const Batch& batch) override;
  void update_many(const char* table, std::size_t key_columns, const Batch& batch) override;
  std::int64_t reserve_ids(std::int64_t count) override;
  void after_commit(std::function<void()> action) override { after_commit_.push_back(std::move(action)); }
  void run_script(const std::string& sql) override;

  // A statement failed: as on PostgreSQL, nothing more can be done in this transaction, and it cannot commit.
  [[nodiscard]] bool failed() const { return failed_; }
  std::vector<std::function<void()>> take_after_commit() { return std::move(after_commit_); }

 protected:
  Rows run_query(Sql sql, std::span<const Param> params) override;
  std::int64_t run_execute(Sql sql, std::span<const Param> params) override;

 private:
  template <class F>
  auto guarded(F&& work);
  std::int64_t run_batch(const std::string& sql, const Batch& batch, bool one_row_each);

  SqliteConnection& connection_;
  IdBlock& ids_;
  bool failed_ = false;
  std::vector<std::function<void()>> after_commit_;
};

class SqliteReader final : public Connection {
 public:
  explicit SqliteReader(SqliteConnection& connection) : connection_(connection) {}

 protected:
  Rows run_query(Sql sql, std::span<const Param> params) override {
    return sqlite::run_query(connection_, sql, params);
  }

 private:
  SqliteConnection& connection_;
};

}  // namespace bursar::storage::sqlite
