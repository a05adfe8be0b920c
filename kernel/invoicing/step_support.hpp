// What the steps share. Internal to invoicing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "invoicing/rules.hpp"
#include "scheduler/step.hpp"

namespace bursar::invoicing {

std::unique_ptr<scheduler::Step> cancellation_step(const Rules& rules);
std::unique_ptr<scheduler::Step> change_step(const Rules& rules);
std::unique_ptr<scheduler::Step> renewal_step(const Rules& rules);
std::unique_ptr<scheduler::Step> credit_step(const Rules& rules);
std::unique_ptr<scheduler::Step> unpaid_order_step(const Rules& rules);

// A cursor is its fields with spaces between.
std::vector<std::string> split_cursor(const std::string& cursor);
std::int64_t cursor_number(const std::string& field);  // throws InvariantBroken for anything but digits

inline bool is_parked(const scheduler::ChunkRequest& request, AccountId account) {
  return request.parked != nullptr && request.parked->contains(account);
}
// Names the account for the scheduler while it looks for one at fault.
inline void begin_account(const scheduler::ChunkRequest& request, AccountId account) {
  if (request.max_accounts == 1 && request.working_on != nullptr) *request.working_on = account;
}

}  // namespace bursar::invoicing
