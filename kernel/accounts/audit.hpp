// The audit trail: who did what to which object, when, from where. An event is written in the transaction of the act
// itself, so there is no act without its event and no event without its act. Rows are only ever added.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::accounts {

struct AuditEvent {
  AuditEventId id = {};  // set by append()
  Instant at = {};
  Actor actor = {};
  AccountId account = {};
  std::string action;       // "invoice.void": noun, dot, verb
  std::string object;       // audit_object(id): "inv:42"
  std::string detail = {};  // JSON object or empty; never a secret, a password or a token
};

template <class Tag>
std::string audit_object(Id<Tag> id) {
  return std::string(Tag::prefix) + ":" + std::to_string(id.value());
}

AuditEventId append_audit(storage::Transaction& tx, Instant now, const AuditEvent& event);

struct AuditFilter {
  std::optional<AccountId> account = std::nullopt;  // none: the whole installation (staff)
  AuditEventId before = {};                         // older than this one; empty: from the newest
  int limit = 50;
};
// Newest first.
std::vector<AuditEvent> list_audit(storage::Connection& c, const AuditFilter& filter);

}  // namespace bursar::accounts
