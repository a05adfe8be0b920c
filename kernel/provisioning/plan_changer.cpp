#include "provisioning/plan_changer.hpp"

#include <optional>

#include "provisioning/panel_work.hpp"

namespace bursar::provisioning {
namespace {

using effects::Effect;
using effects::Outcome;
using effects::Verdict;

struct NewPlan {
  std::string desired, actual, panel, plan_state;
  PanelRequest request;
};

std::optional<NewPlan> load(storage::Database& db, const IdCodec& codec, const Effect& effect) {
  return db.read([&](storage::Connection& c) {
    auto rows = c.query(
        "SELECT s.desired_state, s.actual_state, s.panel, ch.plan_state, s.account_id, a.email, p.code, o.code, "
        "s.label,"
        " p.panel_options, s.panel_reference FROM service_changes ch JOIN services s ON s.id = ch.service_id"
        " JOIN accounts a ON a.id = s.account_id JOIN products p ON p.id = ch.to_product_id"
        " JOIN products o ON o.id = ch.from_product_id WHERE ch.id = $1 AND s.id = $2",
        last_number_of(effect.key), effect.object);
    std::optional<NewPlan> plan;
    if (!rows.next()) return plan;
    plan = NewPlan{.desired = rows.string(0),
                   .actual = rows.string(1),
                   .panel = rows.string(2),
                   .plan_state = rows.string(3),
                   .request = {.idempotency_key = effect.key,
                               .service_id = codec.text(ServiceId(effect.object)),
                               .account_id = codec.text(rows.id<AccountId>(4)),
                               .customer_email = rows.string(5),
                               .product_code = rows.string(6),
                               .label = rows.string(8),
                               .options = rows.string(9),
                               .reference = rows.string(10),
                               .previous_product_code = rows.string(7)}};
    return plan;
  });
}

}  // namespace

int PlanChanger::concurrency(std::string_view instance) const {
  const Panel* panel = panels_.find(instance);
  return panel == nullptr ? 1 : panel->concurrency();
}

Outcome PlanChanger::perform(const Effect& effect) {
  const auto plan = load(db_, codec_, effect);
  if (!plan) return {.verdict = Verdict::parked, .error = "the change of the service is not stored"};
  // What is to end needs no other plan.
  if (plan->plan_state == "done" || plan->desired == "terminated") return {.verdict = Verdict::done};
  if (plan->actual != "active" && plan->actual != "suspended") {
    return {.verdict = Verdict::not_attempted, .error = "the panel is still at work on the service"};
  }
  Panel* panel = panels_.find(plan->panel);
  return panel == nullptr ? not_loaded(plan->panel) : outcome_of(panel->change_plan(plan->request));
}

Outcome PlanChanger::inspect(const Effect& effect) {
  const auto plan = load(db_, codec_, effect);
  if (!plan) return {.verdict = Verdict::parked, .error = "the change of the service is not stored"};
  if (plan->plan_state == "done" || plan->desired == "terminated") return {.verdict = Verdict::done};
  Panel* panel = panels_.find(plan->panel);
  if (panel == nullptr) return {.verdict = Verdict::unknown, .error = not_loaded(plan->panel).error};
  const PanelAnswer answer = panel->inspect(plan->request);
  if (answer.outcome == PanelOutcome::pending) return outcome_of(answer);
  if (answer.state == PanelState::unknown) return {.verdict = Verdict::unknown, .error = answer.error};
  // Panels tell what is there, not by which plan: it is told again, which changes nothing where it was done.
  return {.verdict = Verdict::not_attempted, .error = "the panel does not say by which plan", .next_in = seconds(0)};
}

void PlanChanger::settle(storage::Transaction& tx, const Effect& effect, Outcome& outcome, Instant now) {
  std::string task = task_in(outcome);
  if (outcome.verdict == Verdict::parked) task = "Change the plan at the panel by hand: " + outcome.error;
  if (!task.empty()) raise_task(tx, effect, task, now);
  if (outcome.verdict != Verdict::done) return;
  tx.execute("UPDATE service_changes SET plan_state = 'done' WHERE id = $1", last_number_of(effect.key));
}

}  // namespace bursar::provisioning
