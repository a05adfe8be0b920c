#include "invoicing/collection_plan.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace bursar::invoicing {

std::string_view to_string(DunningAction action) {
  switch (action) {
    case DunningAction::remind:
      return "remind";
    case DunningAction::late_fee:
      return "late_fee";
    case DunningAction::suspend:
      return "suspend";
    case DunningAction::terminate:
      return "terminate";
  }
  invariant_broken("a known DunningAction", __FILE__, __LINE__);
}

DunningAction dunning_action(std::string_view stored) {
  for (const auto action :
       {DunningAction::remind, DunningAction::late_fee, DunningAction::suspend, DunningAction::terminate}) {
    if (to_string(action) == stored) return action;
  }
  invariant_broken("a stored dunning action", __FILE__, __LINE__);
}

CollectionPlan::CollectionPlan(const settings::Billing& billing)
    : autopay_days_before_due_(billing.autopay.days_before_due) {
  for (const int days : billing.reminders.before_due) steps_.push_back({-days, DunningAction::remind});
  for (const int days : billing.reminders.after_due) steps_.push_back({days, DunningAction::remind});
  if (billing.late_fee) steps_.push_back({billing.late_fee->after_days, DunningAction::late_fee});
  if (billing.suspend_after_days) steps_.push_back({*billing.suspend_after_days, DunningAction::suspend});
  if (billing.terminate_after_days) steps_.push_back({*billing.terminate_after_days, DunningAction::terminate});
  std::sort(steps_.begin(), steps_.end());
  steps_.erase(std::unique(steps_.begin(), steps_.end()), steps_.end());
}

std::optional<PlannedStep> CollectionPlan::first(CivilDate due_on, CivilDate issued_on, int notice_days) const {
  const CivilDate base = std::max(due_on, issued_on.plus_days(notice_days));
  for (const auto& step : steps_) {
    const CivilDate on = base.plus_days(step.offset);
    if (step.action == DunningAction::remind && on <= issued_on) continue;
    return PlannedStep{step, on};
  }
  return std::nullopt;
}

PlannedStep CollectionPlan::due_now(const PlannedStep& planned, CivilDate today) const {
  PlannedStep latest = planned;
  for (auto step = std::upper_bound(steps_.begin(), steps_.end(), planned.step);
       step != steps_.end() && latest.step.action == DunningAction::remind && step->action == DunningAction::remind;
       ++step) {
    const CivilDate on = planned.on.plus_days(step->offset - planned.step.offset);
    if (on > today) break;
    latest = {*step, on};
  }
  return latest;
}

std::optional<PlannedStep> CollectionPlan::next(const DunningStep& executed, CivilDate due_on,
                                                CivilDate executed_on) const {
  const auto step = std::upper_bound(steps_.begin(), steps_.end(), executed);
  if (step == steps_.end()) return std::nullopt;
  const CivilDate by_due_date = due_on.plus_days(step->offset);
  const CivilDate by_distance = executed_on.plus_days(step->offset - executed.offset);
  return PlannedStep{*step, std::max(by_due_date, by_distance)};
}

std::optional<PlannedStep> CollectionPlan::resumed(const PlannedStep& planned, CivilDate due_on,
                                                   CivilDate today) const {
  const CivilDate base = std::max(due_on, today);
  for (auto step = std::lower_bound(steps_.begin(), steps_.end(), planned.step); step != steps_.end(); ++step) {
    const CivilDate on = base.plus_days(step->offset);
    if (step->action == DunningAction::remind && on < today) continue;
    return PlannedStep{*step, std::max(on, planned.on)};
  }
  return std::nullopt;
}

DerivedDay CollectionPlan::first_autopay(CivilDate due_on, CivilDate issued_on) const {
  return {.on = std::max(due_on.plus_days(-autopay_days_before_due_), issued_on),
          .derivation = derive("due_date", {{"due_on", due_on.to_string()},
                                            {"days_before_due", std::to_string(autopay_days_before_due_)},
                                            {"not_before", issued_on.to_string()}})};
}

}  // namespace bursar::invoicing
