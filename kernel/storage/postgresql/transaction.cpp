#include "storage/postgresql/transaction.hpp"

#include <charconv>

#include "storage/dialect.hpp"

namespace bursar::storage::postgresql {
namespace {

constexpr std::int64_t block_size = 65536;  // the increment of bursar_ids

class PgRows final : public detail::RowSource {
 public:
  explicit PgRows(ResultPtr result) : result_(std::move(result)) {}
  bool next() override { return ++row_ < PQntuples(result_.get()); }
  [[nodiscard]] bool is_null(int column) const override {
    check(column);
    return PQgetisnull(result_.get(), row_, column) != 0;
  }
  [[nodiscard]] std::string_view text(int column) const override {
    check(column);
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  [[nodiscard]] std::int64_t integer(int column) const override {
    const auto digits = text(column);
    if (digits.empty() && is_null(column)) return 0;
    if (digits == "t") return 1;
    if (digits == "f") return 0;
    std::int64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      throw StorageError("column " + std::to_string(column) + " is not an integer", false);
    }
    return value;
  }

 private:
  void check(int column) const {
    BURSAR_ASSERT(row_ >= 0 && row_ < PQntuples(result_.get()) && column >= 0 && column < PQnfields(result_.get()));
  }
  ResultPtr result_;
  int row_ = -1;
};

std::int64_t rows_changed(const ResultPtr& result) {
  const std::string_view digits = PQcmdTuples(result.get());
  std::int64_t changed = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), changed);
  return changed;
}

std::int64_t next_block(PgConnection& connection) {
  // The message makes the commit wait for the log even where nothing else is written; nextval() alone does not.
  auto rows =
      query_rows(connection, "SELECT nextval('bursar_ids'), pg_logical_emit_message(true, 'bursar', 'ids')", {});
  BURSAR_ASSERT(rows.next());
  return rows.integer(0);
}

std::int64_t consecutive_blocks(PgConnection& connection, std::int64_t blocks) {
  // Other processes take blocks at the same time, so a run may be torn; what it took then stays unused.
  for (int attempt = 0; attempt < 100; ++attempt) {
    const Param params[] = {blocks};
    auto rows = query_rows(connection,
                           "SELECT min(n), max(n) FROM (SELECT nextval('bursar_ids') AS n "
                           "FROM generate_series(1, $1)) AS taken",
                           params);
    BURSAR_ASSERT(rows.next());
    if (rows.integer(1) - rows.integer(0) == (blocks - 1) * block_size) return rows.integer(0);
  }
  throw StorageError("no consecutive ids could be reserved", true);
}

}  // namespace

std::int64_t IdBlock::take(std::int64_t count) {
  const std::int64_t first = next;
  next += count;
  return first;
}

std::optional<std::int64_t> IdBlocks::take(std::int64_t count) {
  const std::lock_guard lock(mutex_);
  if (!shared_.has(count)) return std::nullopt;
  return shared_.take(count);
}

void IdBlocks::give(const IdBlock& block) {
  const std::lock_guard lock(mutex_);
  if (block.end - block.next > shared_.end - shared_.next) shared_ = block;
}

Rows query_rows(PgConnection& connection, Sql sql, std::span<const Param> params) {
  connection.send(sql, Parameters(params));
  return Rows(std::make_unique<PgRows>(connection.finish()));
}

template <class F>
auto PgTransaction::guarded(F&& work) {
  if (failed_)
    throw StorageError("a statement of this transaction has failed, it can only be rolled back", in_conflict_);
  try {
    return work();
  } catch (const SerializationConflict&) {
    failed_ = in_conflict_ = true;
    throw;
  } catch (...) {
    failed_ = true;
    throw;
  }
}

Rows PgTransaction::run_query(Sql sql, std::span<const Param> params) {
  return guarded([&] { return query_rows(connection_, sql, params); });
}

std::int64_t PgTransaction::run_execute(Sql sql, std::span<const Param> params) {
  return guarded([&] {
    connection_.send(sql, Parameters(params));
    return rows_changed(connection_.finish());
  });
}

std::int64_t PgTransaction::insert_missing(const char* table, const Batch& batch) {
  if (batch.empty()) return 0;
  const std::string sql = insert_many_sql(Backend::postgresql, table, batch) + " ON CONFLICT DO NOTHING";
  return guarded([&] {
    connection_.send_bulk(sql, Parameters(batch), -1);
    return rows_changed(connection_.finish());
  });
}

void PgTransaction::insert_many(const char* table, const Batch& batch) {
  if (batch.empty()) return;
  guarded([&] {
    const auto rows = static_cast<std::int64_t>(batch.size());
    connection_.send_bulk(insert_many_sql(Backend::postgresql, table, batch), Parameters(batch), rows);
  });
}

void PgTransaction::update_many(const char* table, std::size_t key_columns, const Batch& batch) {
  if (batch.empty()) return;
  guarded([&] {
    const auto rows = static_cast<std::int64_t>(batch.size());
    connection_.send_bulk(update_many_sql(Backend::postgresql, table, key_columns, batch), Parameters(batch), rows);
  });
}

std::int64_t PgTransaction::reserve_ids(std::int64_t count) {
  BURSAR_ASSERT(count > 0);
  return guarded([&] {
    // Used by this transaction only, so they are as durable as it is.
    if (count > block_size) return consecutive_blocks(connection_, (count + block_size - 1) / block_size);
    if (own_ids_.has(count)) return own_ids_.take(count);
    if (const auto shared = ids_.take(count)) return *shared;
    const std::int64_t first = next_block(connection_);
    own_ids_ = {.next = first, .end = first + block_size};
    return own_ids_.take(count);
  });
}

void PgTransaction::run_script(const std::string& sql) {
  guarded([&] { connection_.run_script(sql); });
}

void PgTransaction::settle() {
  guarded([&] { connection_.finish(); });
}

}  // namespace bursar::storage::postgresql
