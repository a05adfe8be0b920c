#include "provisioning/panel_work.hpp"

#include "base/assert.hpp"

namespace bursar::provisioning {

using effects::Outcome;
using effects::Verdict;

std::int64_t last_number_of(const std::string& key) {
  const auto colon = key.rfind(':');
  BURSAR_ASSERT(colon != std::string::npos);
  std::int64_t number = 0;
  for (const char digit : std::string_view(key).substr(colon + 1)) {
    BURSAR_ASSERT(digit >= '0' && digit <= '9');
    number = number * 10 + (digit - '0');
  }
  return number;
}

Outcome outcome_of(const PanelAnswer& answer) {
  const std::string data = answer.reference + '\n' + answer.staff_task;
  switch (answer.outcome) {
    case PanelOutcome::done:
      return {.verdict = Verdict::done, .data = data};
    case PanelOutcome::pending:
      return {.verdict = Verdict::waiting, .data = data, .error = answer.error};
    case PanelOutcome::refused:
      return {.verdict = Verdict::parked, .data = data, .error = answer.error};
    case PanelOutcome::not_attempted:
      return {.verdict = Verdict::not_attempted, .error = answer.error};
    case PanelOutcome::unknown:
      break;
  }
  return {.verdict = Verdict::unknown, .error = answer.error};
}

std::string reference_in(const Outcome& outcome) { return outcome.data.substr(0, outcome.data.find('\n')); }

std::string task_in(const Outcome& outcome) {
  const auto newline = outcome.data.find('\n');
  return newline == std::string::npos ? "" : outcome.data.substr(newline + 1);
}

Outcome not_loaded(const std::string& panel) {
  return {.verdict = Verdict::not_attempted,
          .error = "the panel '" + panel + "' is not loaded; see `bursar plugin list`"};
}

void raise_task(storage::Transaction& tx, const effects::Effect& effect, const std::string& task, Instant now) {
  tx.execute(
      "INSERT INTO staff_tasks (id, kind, account_id, object_id, title, created_at) VALUES ($1, $2, $3, $4, $5, $6) "
      "ON CONFLICT (kind, object_id) WHERE status = 'open' DO UPDATE SET title = excluded.title",
      tx.reserve_ids(1), effect.kind, effect.account, effect.object, task, now);
}

}  // namespace bursar::provisioning
