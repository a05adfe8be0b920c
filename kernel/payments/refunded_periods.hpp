// What a refund means for services: a period whose whole money went back is not paid for any more. Internal to
// payments.
#pragma once

#include <optional>
#include <vector>

#include "accounts/actor.hpp"
#include "payments/refund_plan.hpp"

namespace bursar::payments {

// Made before the lines are taken back, so that it knows afterwards which of them went in whole.
class RefundedPeriods {
 public:
  RefundedPeriods(storage::Connection& c, const RefundPlan& plan);

  // `effect` for each service of which a period went; none: what the rule of its product says.
  void settle_services(storage::Transaction& tx, const Context& context,
                       std::optional<settings::RefundedService> effect, const accounts::Actor& actor,
                       Instant now) const;

 private:
  struct Billed {
    LineId line;
    ServiceId service;
    CivilDate period_start;
  };
  std::vector<Billed> billed_;
};

}  // namespace bursar::payments
