// Transaction and read connection over a PgConnection that has been sent its BEGIN.
#pragma once

#include <mutex>
#include <optional>

#include "storage/postgresql/connection.hpp"

namespace bursar::storage::postgresql {

struct IdBlock {
  std::int64_t next = 0;
  std::int64_t end = 0;
  [[nodiscard]] bool has(std::int64_t count) const { return end - next >= count; }
  std::int64_t take(std::int64_t count);
};

// The process's share of the sequence bursar_ids: a block that some committed transaction has taken. A server that
// crashes forgets a nextval() that no commit has made durable and hands the numbers out again, while this process may
// live on with them; so until its transaction has committed, a fresh block is that transaction's alone.
class IdBlocks {
 public:
  // From the shared block; nothing when it has not so many left.
  std::optional<std::int64_t> take(std::int64_t count);
  // Shares what a committed transaction has left of its block.
  void give(const IdBlock& block);

 private:
  std::mutex mutex_;
  IdBlock shared_;
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
  // After the commit: other transactions may use what is left of the ids this one has taken.
  void share_ids() { ids_.give(own_ids_); }

 protected:
  Rows run_query(Sql sql, std::span<const Param> params) override;
  std::int64_t run_execute(Sql sql, std::span<const Param> params) override;

 private:
  template <class F>
  auto guarded(F&& work);

  PgConnection& connection_;
  IdBlocks& ids_;
  IdBlock own_ids_;
  bool failed_ = false;
  bool in_conflict_ = false;
  std::vector<std::function<void()>> after_commit_;
};

}  // namespace bursar::storage::postgresql
