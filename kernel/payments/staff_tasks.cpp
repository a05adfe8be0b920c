#include "payments/staff_tasks.hpp"

namespace bursar::payments {

namespace {
StaffTask read_task(storage::Rows& rows) {
  return {.id = rows.id<TaskId>(0),
          .kind = rows.string(1),
          .account = rows.id<AccountId>(2),
          .object = rows.integer(3),
          .title = rows.string(4),
          .detail = rows.string(5),
          .status = rows.string(6),
          .created_at = rows.instant(7),
          .closed_at = rows.optional_instant(8),
          .closed_by = rows.id<UserId>(9)};
}
}  // namespace

std::optional<StaffTask> find_task(storage::Connection& c, TaskId id) {
  auto rows = c.query(
      "SELECT id, kind, account_id, object_id, title, detail, status, created_at, closed_at, closed_by "
      "FROM staff_tasks WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_task(rows);
}

std::vector<StaffTask> list_tasks(storage::Connection& c, const std::string& status, TaskId after, int limit) {
  auto rows = c.query(
      "SELECT id, kind, account_id, object_id, title, detail, status, created_at, closed_at, closed_by "
      "FROM staff_tasks WHERE ($1 = '' OR status = $1) AND id > $2 ORDER BY id LIMIT $3",
      status, after.value(), limit);
  std::vector<StaffTask> out;
  while (rows.next()) out.push_back(read_task(rows));
  return out;
}

void raise_task(storage::Transaction& tx, const std::string& kind, AccountId account, std::int64_t object,
                const std::string& title, const std::string& detail, Instant now) {
  const auto added = tx.execute(
      "INSERT INTO staff_tasks (id, kind, account_id, object_id, title, detail, created_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, object_id) WHERE status = 'open' DO NOTHING",
      tx.reserve_ids(1), kind, account.value(), object, title, detail, now);
  if (added > 0) return;
  std::string stands;
  {
    auto rows =
        tx.query("SELECT detail FROM staff_tasks WHERE kind = $1 AND object_id = $2 AND status = 'open'", kind, object);
    if (rows.next()) stands = rows.string(0);
  }
  if (stands.find(detail) != std::string::npos) return;
  tx.execute("UPDATE staff_tasks SET detail = $3 WHERE kind = $1 AND object_id = $2 AND status = 'open'", kind, object,
             stands.empty() ? detail : stands + "\n" + detail);
}

void close_task(storage::Transaction& tx, const std::string& kind, std::int64_t object, const std::string& status,
                UserId by, Instant now) {
  tx.execute(
      "UPDATE staff_tasks SET status = $3, closed_by = $4, closed_at = $5 "
      "WHERE kind = $1 AND object_id = $2 AND status = 'open'",
      kind, object, status, by, now);
}

}  // namespace bursar::payments
