// Transaction and read connection over a PgConnection that has been sent its BEGIN.
#pragma once

#include <mutex>

#include "storage/postgresql/connection.hpp"

namespace bursar::storage::postgresql {

// The process's share of the sequence bursar_ids. nextval() is outside of transactions, so a block survives a rollback.
class IdBlocks {
 public:
  std::int64_t reserve(PgConnection& connection, std::int64_t count);

 private:
  std::mutex mutex_;
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
};

Rows query_rows(PgConnection& connection, Sql sql, std::span<const Param> params);

class PgReader final : public Connection {
 public:
  explicit PgReader(PgConnection& connection) : connection_(connection) {}

 protected:
  Rows run_query(Sql sql, std::span<const Param> params) override { return query_rows(connection_, sql, params); }

 private:
  PgConnection& connection_;
};

class PgTransaction final : public Transaction {
 public:
  PgTransaction(PgConnection& connection, IdBlocks& ids) : connection_(connection), ids_(ids) {}

  void insert_many(const char* table, const Batch& batch) override;
  std::int64_t insert_missing(const char* table, const Batch& batch) override;
  void update_many(const char* table, std::size_t key_columns, const Batch& batch) override;
  std::int64_t reserve_ids(std::int64_t count) override;
  void after_commit(std::function<void()> action) override { after_commit_.push_back(std::move(action)); }
  void run_script(const std::string& sql) override;

  // Waits for what is still under way.
  void settle();
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool in_conflict() const { return in_conflict_; }
  std::vector<std::function<void()>> take_after_commit() { return std::move(after_commit_); }

 protected:
  Rows run_query(Sql sql, std::span<const Param> params) override;
  std::int64_t run_execute(Sql sql, std::span<const Param> params) override;

 private:
  template <class F>
  auto guarded(F&& work);

  PgConnection& connection_;
  IdBlocks& ids_;
  bool failed_ = false;
  bool in_conflict_ = false;
  std::vector<std::function<void()>> after_commit_;
};

}  // namespace bursar::storage::postgresql
