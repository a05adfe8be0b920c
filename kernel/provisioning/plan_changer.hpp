// Tells panels of the new plan of a service whose product has changed.
//
// One effect of kind "change_plan" for each change, with the natural key "change_plan:<service>:<change>". A service
// takes no further change before its panel has done the last one, so none overtakes another. A panel may be told of the
// same plan again (see bursar/abi/panel.h), so an outcome that got lost is tried again.
#pragma once

#include "base/id.hpp"
#include "effects/effects.hpp"
#include "provisioning/panel.hpp"
#include "storage/database.hpp"

namespace bursar::provisioning {

class PlanChanger final : public effects::Handler {
 public:
  PlanChanger(storage::Database& db, Panels& panels, const IdCodec& codec) : db_(db), panels_(panels), codec_(codec) {}

  [[nodiscard]] std::string_view kind() const override { return "change_plan"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  // Stores that it is done; raises a staff task where the panel is a person, or can't do it.
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  storage::Database& db_;
  Panels& panels_;
  const IdCodec& codec_;
};

}  // namespace bursar::provisioning
