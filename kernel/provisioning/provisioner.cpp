#include "provisioning/provisioner.hpp"

#include <optional>

#include "provisioning/panel_work.hpp"

namespace bursar::provisioning {
namespace {

using effects::Outcome;
using effects::Verdict;

struct Wanted {
  std::string desired, actual, panel;
  std::int64_t version = 0;
  PanelRequest request;
};

// The version an effect was recorded for: the last part of its key.
std::int64_t version_of(const effects::Effect& effect) { return last_number_of(effect.key); }

std::optional<Wanted> load(storage::Database& db, const IdCodec& codec, const effects::Effect& effect) {
  return db.read([&](storage::Connection& c) {
    auto rows = c.query(
        "SELECT s.desired_state, s.actual_state, s.panel, s.state_version, s.account_id, a.email, p.code, s.label, "
        "p.panel_options, s.panel_reference FROM services s JOIN accounts a ON a.id = s.account_id "
        "JOIN products p ON p.id = s.product_id WHERE s.id = $1",
        effect.object);
    std::optional<Wanted> out;
    if (rows.next()) {
      out = Wanted{.desired = rows.string(0),
                   .actual = rows.string(1),
                   .panel = rows.string(2),
                   .version = rows.integer(3),
                   .request = {.idempotency_key = effect.key,
                               .service_id = codec.text(ServiceId(effect.object)),
                               .account_id = codec.text(rows.id<AccountId>(4)),
                               .customer_email = rows.string(5),
                               .product_code = rows.string(6),
                               .label = rows.string(7),
                               .options = rows.string(8),
                               .reference = rows.string(9)}};
    }
    return out;
  });
}

PanelAnswer act(Panel& panel, const Wanted& wanted) {
  if (wanted.desired == "suspended") return panel.suspend(wanted.request);
  if (wanted.desired == "terminated") return panel.terminate(wanted.request);
  const bool exists = wanted.actual == "suspended" || (wanted.actual == "unknown" && !wanted.request.reference.empty());
  if (exists) return panel.unsuspend(wanted.request);
  return panel.create(wanted.request);
}

bool reached(const Wanted& wanted, PanelState state) {
  if (wanted.desired == "active") return state == PanelState::active;
  if (wanted.desired == "suspended") return state == PanelState::suspended;
  return state == PanelState::absent;
}

// An account is one service's. What the panel says to be the account of this service, and is another's, is not
// believed: or whoever ends this service would end the other.
bool is_anothers(storage::Transaction& tx, const effects::Effect& effect, const std::string& reference) {
  return tx
      .query(
          "SELECT 1 FROM services WHERE panel = $1 AND panel_reference <> '' AND panel_reference = $2 AND id <> $3"
          " AND actual_state <> 'terminated'",
          effect.instance, reference, effect.object)
      .next();
}

bool nothing_to_do(const Wanted& wanted, const effects::Effect& effect) {
  return wanted.version != version_of(effect) || wanted.desired == wanted.actual || wanted.desired == "none" ||
         wanted.panel.empty() ||
         // What was never made needs no end.
         (wanted.desired == "terminated" && wanted.actual == "none" && wanted.request.reference.empty());
}

}  // namespace

int Provisioner::concurrency(std::string_view instance) const {
  const Panel* plugin = panels_.find(instance);
  return plugin == nullptr ? 1 : plugin->concurrency();
}

Outcome Provisioner::perform(const effects::Effect& effect) {
  const auto wanted = load(db_, codec_, effect);
  if (!wanted) return {.verdict = Verdict::parked, .error = "the service is not stored"};
  if (nothing_to_do(*wanted, effect)) return {.verdict = Verdict::done};
  Panel* panel = panels_.find(wanted->panel);
  return panel == nullptr ? not_loaded(wanted->panel) : outcome_of(act(*panel, *wanted));
}

Outcome Provisioner::inspect(const effects::Effect& effect) {
  const auto wanted = load(db_, codec_, effect);
  if (!wanted) return {.verdict = Verdict::parked, .error = "the service is not stored"};
  if (nothing_to_do(*wanted, effect)) return {.verdict = Verdict::done};
  Panel* panel = panels_.find(wanted->panel);
  if (panel == nullptr) return {.verdict = Verdict::unknown, .error = not_loaded(wanted->panel).error};
  const PanelAnswer answer = panel->inspect(wanted->request);
  if (answer.outcome == PanelOutcome::pending) return outcome_of(answer);
  if (answer.state == PanelState::unknown) return {.verdict = Verdict::unknown, .error = answer.error};
  if (reached(*wanted, answer.state)) return {.verdict = Verdict::done, .data = answer.reference + '\n'};
  // The panel has told what is there, and it is not what was asked for: asking again is safe, create adopts.
  return {.verdict = Verdict::not_attempted, .error = "the panel has not done it", .next_in = seconds(0)};
}

void Provisioner::settle(storage::Transaction& tx, const effects::Effect& effect, Outcome& outcome, Instant now) {
  const std::string reference = reference_in(outcome), task = task_in(outcome);
  if (!reference.empty() && is_anothers(tx, effect, reference)) {
    outcome.verdict = Verdict::parked;
    outcome.error = "the panel answers with the account " + reference + ", which is another service's";
    raise_task(tx, effect, "Look at the panel and set the service up again: " + outcome.error, now);
    return;
  }
  if (!task.empty()) raise_task(tx, effect, task, now);
  if (outcome.data.find('\n') == std::string::npos && outcome.verdict == Verdict::done)
    return;  // there was nothing to do
  if (!reference.empty()) {
    tx.execute("UPDATE services SET panel_reference = $2 WHERE id = $1", effect.object, reference);
  }
  if (outcome.verdict == Verdict::done) {
    tx.execute(
        "UPDATE services SET actual_state = desired_state, version = version + 1 WHERE id = $1 AND state_version = $2",
        effect.object, version_of(effect));
  } else if (outcome.verdict == Verdict::unknown) {
    tx.execute("UPDATE services SET actual_state = 'unknown' WHERE id = $1 AND state_version = $2", effect.object,
               version_of(effect));
  }
}

Status complete_task(storage::Transaction& tx, TaskId task, UserId by, Instant now) {
  auto rows = tx.query(
      "SELECT object_id, kind FROM staff_tasks WHERE id = $1 AND kind IN ('provision', 'change_plan')"
      " AND status = 'open'",
      task);
  if (!rows.next()) return conflict("task_not_open", "this task of a panel is closed, or is not one");
  const std::int64_t service = rows.integer(0);
  const std::string kind = rows.string(1);
  tx.execute("UPDATE staff_tasks SET status = 'done', closed_at = $2, closed_by = $3 WHERE id = $1", task, now, by);
  if (kind == "provision") {
    tx.execute("UPDATE services SET actual_state = desired_state, version = version + 1 WHERE id = $1", service);
  } else {
    tx.execute("UPDATE service_changes SET plan_state = 'done' WHERE service_id = $1 AND plan_state = 'wanted'",
               service);
  }
  tx.execute(
      "UPDATE effects SET state = 'done', next_at = NULL, finished_at = $2 WHERE object_id = $1 AND kind = $3 AND "
      "state IN ('waiting', 'unknown', 'recorded', 'parked')",
      service, now, kind);
  return {};
}

}  // namespace bursar::provisioning
