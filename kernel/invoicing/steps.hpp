// The steps of the daily run that invoicing owns.
//
//   cancellations  takes the periods after a requested end off the invoices, and ends what is to end
//   changes        withdraws changes that stayed unpaid, and takes back periods billed ahead at the old terms
//   invoices       the periods that fall due within generate_days_before_due, one invoice an account and due date
//   credit         account credit for open invoices, oldest due first (apply_credit_to_open_invoices)
//   unpaid_orders  cancels orders that stayed unpaid (cancel_unpaid_orders_after_days)
#pragma once

#include <memory>
#include <vector>

#include "invoicing/rules.hpp"
#include "scheduler/step.hpp"

namespace bursar::invoicing {

// In the order of the run. `rules` must outlive them.
std::vector<std::unique_ptr<scheduler::Step>> steps(const Rules& rules);

}  // namespace bursar::invoicing
