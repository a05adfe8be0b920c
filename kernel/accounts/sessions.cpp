// Sessions: found by the hash of their token, read afresh for each request.
#include "accounts/identity.hpp"
#include "accounts/tokens.hpp"

namespace bursar::accounts {

namespace {
constexpr Duration touch_interval = minutes(5);
}

std::optional<Authenticated> authenticate(storage::Connection& c, std::string_view token, Instant now,
                                          const IdentityOptions& options) {
  if (!is_token(token)) return std::nullopt;
  auto rows = c.query(
      "SELECT s.id, s.user_id, s.last_used_at, u.staff_role, u.email, u.name, m.account_id, m.role FROM sessions s "
      "JOIN users u ON u.id = s.user_id AND u.status = 'active' "
      "LEFT JOIN memberships m ON m.user_id = u.id "
      "WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_used_at > $3 ORDER BY m.account_id",
      token_hash(token), now, now - options.session_idle);
  std::optional<Authenticated> found;
  while (rows.next()) {
    if (!found) {
      found.emplace();
      found->caller.session = rows.id<SessionId>(0);
      found->caller.user = rows.id<UserId>(1);
      found->caller.staff = staff_role_from_text(rows.text(3));
      found->caller.email = rows.string(4);
      found->caller.name = rows.string(5);
      found->touch_due = now - rows.instant(2) >= touch_interval;
    }
    if (rows.is_null(6)) continue;
    // A role this binary does not know grants nothing.
    if (const auto role = member_role_from_text(rows.text(7))) {
      found->caller.memberships.push_back({rows.id<AccountId>(6), *role});
    }
  }
  return found;
}

std::optional<Caller> find_caller(storage::Connection& c, std::string_view token, Instant now) {
  auto found = authenticate(c, token, now);
  if (!found) return std::nullopt;
  return std::move(found->caller);
}

void touch_session(storage::Transaction& tx, SessionId session, std::string_view address, Instant now) {
  tx.execute("UPDATE sessions SET last_used_at = $2, address = $3 WHERE id = $1 AND last_used_at < $2", session, now,
             address);
}

std::vector<Session> list_sessions(storage::Connection& c, UserId user, Instant now) {
  auto rows = c.query(
      "SELECT id, created_at, expires_at, last_used_at, address, agent FROM sessions "
      "WHERE user_id = $1 AND expires_at > $2 ORDER BY id DESC",
      user, now);
  std::vector<Session> sessions;
  while (rows.next()) {
    sessions.push_back({.id = rows.id<SessionId>(0),
                        .created_at = rows.instant(1),
                        .expires_at = rows.instant(2),
                        .last_used_at = rows.instant(3),
                        .address = rows.string(4),
                        .agent = rows.string(5)});
  }
  return sessions;
}

std::int64_t revoke_session(storage::Transaction& tx, UserId user, SessionId session) {
  return tx.execute("DELETE FROM sessions WHERE id = $1 AND user_id = $2", session, user);
}

std::int64_t revoke_sessions_of(storage::Transaction& tx, UserId user, SessionId except) {
  return tx.execute("DELETE FROM sessions WHERE user_id = $1 AND id <> $2", user, except.value());
}

std::int64_t expire_sessions(storage::Transaction& tx, Instant now, const IdentityOptions& options) {
  return tx.execute("DELETE FROM sessions WHERE expires_at <= $1 OR last_used_at <= $2", now,
                    now - options.session_idle);
}

}  // namespace bursar::accounts
