#include "accounts/audit_seal.hpp"

#include <string>

#include "base/digest.hpp"
#include "base/log.hpp"

namespace bursar::accounts {

namespace {
constexpr int fields_of_an_event = 10;
}  // namespace

std::int64_t seal_audit(storage::Transaction& tx, Instant now, std::int64_t most) {
  std::int64_t position = 1;
  Digest sealed;
  {
    auto last = tx.query("SELECT position, digest FROM audit_seals ORDER BY position DESC LIMIT 1");
    const bool first = !last.next();
    if (!first) position = last.integer(0) + 1;
    sealed.add(first ? std::string_view() : last.text(1));
  }
  std::int64_t count = 0;
  std::int64_t newest = 0;
  {
    auto rows = tx.query(
        "SELECT id, at, actor, user_id, account_id, action, object, detail, address, request_id FROM audit_events "
        "WHERE seal_position IS NULL ORDER BY id LIMIT $1",
        most);
    for (; rows.next(); ++count) {
      newest = rows.integer(0);
      for (int i = 0; i < fields_of_an_event; ++i) sealed.add(rows.is_null(i) ? std::string_view() : rows.text(i));
    }
  }
  if (count == 0) return 0;
  const std::string digest = sealed.hex();
  tx.execute("UPDATE audit_events SET seal_position = $1 WHERE seal_position IS NULL AND id <= $2", position, newest);
  tx.execute("INSERT INTO audit_seals (position, events, digest, sealed_at) VALUES ($1, $2, $3, $4)", position, count,
             digest, now);
  tx.after_commit([=] { log::info("audit_sealed", {{"position", position}, {"events", count}, {"digest", digest}}); });
  return count;
}

}  // namespace bursar::accounts
