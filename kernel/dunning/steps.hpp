// What happens to an overdue invoice, as four steps of the daily run. Each takes the invoices whose next step of the
// collection plan (invoicing/collection_plan.hpp) is its own and due, acts, and plans the next.
//
// None of them runs in a catch-up run but the latest: after downtime a customer is first told, then given the time the
// plan promises. An invoice that was paid meanwhile has no next step, so nothing here ever sees it.
#pragma once

#include <memory>
#include <vector>

#include "invoicing/rules.hpp"
#include "notices/outbox.hpp"
#include "scheduler/step.hpp"

namespace bursar::dunning {

// In the order of the run: reminders, late_fees, suspension, termination. `rules` and `outbox` must outlive them.
std::vector<std::unique_ptr<scheduler::Step>> steps(const invoicing::Rules& rules, const notices::Outbox& outbox);

}  // namespace bursar::dunning
