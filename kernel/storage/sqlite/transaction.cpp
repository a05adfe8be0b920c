#include "storage/sqlite/transaction.hpp"

#include <algorithm>

#include "storage/dialect.hpp"

namespace bursar::storage::sqlite {
namespace {

constexpr std::int64_t block_size = 4096;

void bind_row(SqliteConnection& connection, sqlite3_stmt* statement, const Batch& batch, std::size_t row) {
  int index = 0;
  for (const auto& column : batch.columns()) {
    ++index;
    if (column.nulls[row]) {
      sqlite3_bind_null(statement, index);
    } else if (column.type == Batch::integer) {
      sqlite3_bind_int64(statement, index, column.integers[row]);
    } else {
      const std::size_t begin = row == 0 ? 0 : column.text_ends[row - 1];
      const auto text = std::string_view(column.arena).substr(begin, column.text_ends[row] - begin);
      bind_text(connection, statement, index, text, Lifetime::borrowed);
    }
  }
}

}  // namespace

std::int64_t IdBlock::reserve(SqliteConnection& connection, std::int64_t count) {
  BURSAR_ASSERT(count > 0);
  if (end_ - next_ < count) {
    const std::int64_t wanted = std::max(count, block_size);
    const Param params[] = {given_until_, wanted};
    auto rows = sqlite::run_query(
        connection, "UPDATE id_blocks SET next = max(next, $1) + $2 WHERE name = 'ids' RETURNING next", params);
    if (!rows.next()) throw StorageError("the table id_blocks has lost its row", false);
    const std::int64_t end = rows.integer(0);
    if (count >= block_size) return given_until_ = end, end - count;  // what is left of the present block stays in use
    next_ = end - wanted;
    end_ = end;
  }
  const std::int64_t first = next_;
  next_ += count;
  given_until_ = std::max(given_until_, next_);
  return first;
}

// A failed statement ends the transaction's use, on this backend by our own doing.
template <class F>
auto SqliteTransaction::guarded(F&& work) {
  if (failed_) throw StorageError("a statement of this transaction has failed, it can only be rolled back", false);
  try {
    return work();
  } catch (...) {
    failed_ = true;
    throw;
  }
}

Rows SqliteTransaction::run_query(Sql sql, std::span<const Param> params) {
  return guarded([&] { return sqlite::run_query(connection_, sql, params); });
}

std::int64_t SqliteTransaction::run_execute(Sql sql, std::span<const Param> params) {
  return guarded([&] { return run_statement(connection_, sql, params); });
}

void SqliteTransaction::run_script(const std::string& sql) {
  guarded([&] { connection_.exec(sql.c_str()); });
}

std::int64_t SqliteTransaction::reserve_ids(std::int64_t count) {
  return guarded([&] { return ids_.reserve(connection_, count); });
}

void SqliteTransaction::insert_many(const char* table, const Batch& batch) {
  if (batch.empty()) return;
  guarded([&] { run_batch(insert_many_sql(Backend::sqlite, table, batch), batch, false); });
}

std::int64_t SqliteTransaction::insert_missing(const char* table, const Batch& batch) {
  if (batch.empty()) return 0;
  const std::string sql = insert_many_sql(Backend::sqlite, table, batch) + " ON CONFLICT DO NOTHING";
  return guarded([&] { return run_batch(sql, batch, false); });
}

void SqliteTransaction::update_many(const char* table, std::size_t key_columns, const Batch& batch) {
  if (batch.empty()) return;
  guarded([&] { run_batch(update_many_sql(Backend::sqlite, table, key_columns, batch), batch, true); });
}

std::int64_t SqliteTransaction::run_batch(const std::string& sql, const Batch& batch, bool one_row_each) {
  const auto lease = connection_.prepare_bulk(sql);
  std::int64_t changed = 0;
  for (std::size_t row = 0; row < batch.size(); ++row) {
    bind_row(connection_, lease.get(), batch, row);
    if (const int code = sqlite3_step(lease.get()); code != SQLITE_DONE) throw_error(connection_.get(), code, sql);
    const auto rows = sqlite3_changes64(connection_.get());
    if (one_row_each && rows != 1) {
      throw StorageError(
          "row " + std::to_string(row) + " of a batch matched " + std::to_string(rows) + " stored rows: " + sql, false);
    }
    changed += rows;
    sqlite3_reset(lease.get());
  }
  return changed;
}

}  // namespace bursar::storage::sqlite
