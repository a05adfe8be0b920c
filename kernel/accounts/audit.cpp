#include "accounts/audit.hpp"

#include <array>

namespace bursar::accounts {

namespace {
constexpr std::array<std::pair<ActorKind, std::string_view>, 4> actor_names{
    {{ActorKind::user, "user"}, {ActorKind::staff, "staff"}, {ActorKind::job, "job"}, {ActorKind::cli, "cli"}}};

ActorKind actor_kind(std::string_view text) {
  for (const auto& [kind, name] : actor_names) {
    if (name == text) return kind;
  }
  throw storage::StorageError("audit_events.actor holds an unknown kind", false);
}
}  // namespace

std::string_view to_text(ActorKind kind) {
  for (const auto& [known, name] : actor_names) {
    if (known == kind) return name;
  }
  invariant_broken("an actor kind without a name", __FILE__, __LINE__);
}

AuditEventId append_audit(storage::Transaction& tx, Instant now, const AuditEvent& event) {
  const auto id = tx.new_id<AuditEventId>();
  tx.execute(
      "INSERT INTO audit_events (id, at, actor, user_id, account_id, action, object, detail, address, request_id) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      id, now, to_text(event.actor.kind), event.actor.user, event.account, event.action, event.object, event.detail,
      event.actor.address, event.actor.request_id);
  return id;
}

std::vector<AuditEvent> list_audit(storage::Connection& c, const AuditFilter& filter) {
  const std::int64_t before = filter.before ? filter.before.value() : INT64_MAX;
  auto rows = filter.account
                  ? c.query(
                        "SELECT id, at, actor, user_id, account_id, action, object, detail, address, request_id FROM "
                        "audit_events WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                        *filter.account, before, filter.limit)
                  : c.query(
                        "SELECT id, at, actor, user_id, account_id, action, object, detail, address, request_id FROM "
                        "audit_events WHERE id < $1 ORDER BY id DESC LIMIT $2",
                        before, filter.limit);
  std::vector<AuditEvent> events;
  while (rows.next()) {
    AuditEvent event;
    event.id = rows.id<AuditEventId>(0);
    event.at = rows.instant(1);
    event.actor = {.kind = actor_kind(rows.text(2)),
                   .user = rows.id<UserId>(3),
                   .address = rows.string(8),
                   .request_id = rows.string(9)};
    event.account = rows.id<AccountId>(4);
    event.action = rows.string(5);
    event.object = rows.string(6);
    event.detail = rows.string(7);
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace bursar::accounts
