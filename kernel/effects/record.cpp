#include "effects/effects.hpp"

namespace bursar::effects {

std::int64_t record(storage::Transaction& tx, Instant now, std::span<const NewEffect> effects) {
  if (effects.empty()) return 0;
  using storage::Batch;
  Batch batch{{"id", Batch::integer},    {"kind", Batch::text},          {"key", Batch::text},
              {"instance", Batch::text}, {"account_id", Batch::integer}, {"object_id", Batch::integer},
              {"state", Batch::text},    {"next_at", Batch::text},       {"created_at", Batch::text}};
  const std::string created_at = now.to_string();
  std::int64_t id = tx.reserve_ids(static_cast<std::int64_t>(effects.size()));
  for (const auto& effect : effects) {
    BURSAR_ASSERT(!effect.kind.empty() && !effect.key.empty());
    const std::string next_at = effect.not_before ? effect.not_before->to_string() : created_at;
    batch.add(id++, effect.kind, effect.key, effect.instance, effect.account.value(), effect.object, "recorded",
              next_at, created_at);
  }
  return tx.insert_missing("effects", batch);
}

void conclude(storage::Transaction& tx, std::string_view key, Verdict verdict, std::string_view error, Instant now) {
  BURSAR_ASSERT(verdict == Verdict::done || verdict == Verdict::failed || verdict == Verdict::parked);
  const char* state = verdict == Verdict::done ? "done" : verdict == Verdict::failed ? "failed" : "parked";
  tx.execute(
      "UPDATE effects SET state = $2, error = $3, next_at = NULL, lease_until = NULL, worker = NULL, finished_at = $4 "
      "WHERE key = $1 AND state NOT IN ('done', 'failed')",
      key, state, error, verdict == Verdict::parked ? std::nullopt : std::optional(now));
}

void ask_again(storage::Transaction& tx, std::string_view key, Instant now) {
  tx.execute(
      "UPDATE effects SET state = 'unknown', next_at = $2, finished_at = NULL WHERE key = $1 "
      "AND state NOT IN ('recorded', 'in_flight')",
      key, now);
}

}  // namespace bursar::effects
