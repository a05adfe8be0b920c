// Brings the services at the panels to the state the business wants: services.desired_state is set by the business
// (activation, suspension, termination), services.actual_state only here, from the panel's own word.
//
// One effect of kind "provision" for each change of the desired state, with the natural key
// "provision:<service>:<state_version>". An effect whose version has been overtaken does nothing: the newer one acts. A
// service is `terminated` at the panel only when the panel said so.
#pragma once

#include <string>

#include "base/id.hpp"
#include "effects/effects.hpp"
#include "provisioning/panel.hpp"
#include "storage/database.hpp"

namespace bursar::provisioning {

class Provisioner final : public effects::Handler {
 public:
  Provisioner(storage::Database& db, Panels& panels, const IdCodec& codec) : db_(db), panels_(panels), codec_(codec) {}

  [[nodiscard]] std::string_view kind() const override { return "provision"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  // Stores the state reached; raises a staff task where the panel is a person.
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  storage::Database& db_;
  Panels& panels_;
  const IdCodec& codec_;
};

// Staff have done by hand what the open task of this kind asked for: the service is in its desired state, or has its
// new plan. 409 task_not_open for a task that is closed or of another kind.
Status complete_task(storage::Transaction& tx, TaskId task, UserId by, Instant now);

}  // namespace bursar::provisioning
