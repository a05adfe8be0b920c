// How an unpaid invoice is collected: the dunning steps of the configuration in order, and the rule that spaces them.
// Pure: dates in, dates out.
//
// An invoice stores only its next step (action, offset, date). Two promises to the customer are kept here:
// 1. A chance to pay. The plan counts from the due date, or, when the invoice was really issued late (the server was
//    down, a service was entered with an old due date), from the day that leaves the full notice.
// 2. No avalanche. A step is never nearer to the one executed before it than the plan's own distance; after downtime
//    the steps follow one another as planned instead of all at once, and reminders that fell due together are one.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/derivation.hpp"
#include "settings/config.hpp"

namespace bursar::invoicing {

// In the order in which actions of the same day are taken.
enum class DunningAction { remind, late_fee, suspend, terminate };
std::string_view to_string(DunningAction action);
DunningAction dunning_action(std::string_view stored);  // throws InvariantBroken for another text

struct DunningStep {
  int offset = 0;  // days from the due date; negative: before it
  DunningAction action = DunningAction::remind;
  auto operator<=>(const DunningStep&) const = default;
};
// A step with its day: invoices.dunning_action, dunning_offset, dunning_on.
struct PlannedStep {
  DunningStep step;
  CivilDate on;
  bool operator==(const PlannedStep&) const = default;
};

class CollectionPlan {
 public:
  explicit CollectionPlan(const settings::Billing& billing);

  // By offset, then action. Without duplicates.
  [[nodiscard]] const std::vector<DunningStep>& steps() const { return steps_; }

  // The first step of an invoice. `issued_on`: the civil date it is really issued on, however late the run stands for
  // an earlier day. `notice_days`: what the configuration promises between issue and due date
  // (generate_days_before_due, or order_due_days for an order). Reminders not after the day of issue are left out.
  [[nodiscard]] std::optional<PlannedStep> first(CivilDate due_on, CivilDate issued_on, int notice_days) const;

  // What to do today about a planned step that is due: the step itself, or the latest of the reminders that directly
  // follow it and are due by today as well.
  [[nodiscard]] PlannedStep due_now(const PlannedStep& planned, CivilDate today) const;

  // The step after one that was executed on `executed_on`; none after the last.
  [[nodiscard]] std::optional<PlannedStep> next(const DunningStep& executed, CivilDate due_on,
                                                CivilDate executed_on) const;

  // The next step of an invoice whose collection rested until `today`: as if it were due then at the earliest.
  // Reminders whose day has passed are left out; none: nothing is left to do.
  [[nodiscard]] std::optional<PlannedStep> resumed(const PlannedStep& planned, CivilDate due_on, CivilDate today) const;

  // When the first automatic charge is made: days_before_due before the due date, not before the invoice exists.
  [[nodiscard]] DerivedDay first_autopay(CivilDate due_on, CivilDate issued_on) const;

 private:
  std::vector<DunningStep> steps_;
  int autopay_days_before_due_;
};

}  // namespace bursar::invoicing
