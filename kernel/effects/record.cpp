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

}  // namespace bursar::effects
