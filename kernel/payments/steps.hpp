// The steps of the daily run that concern payments.
#pragma once

#include <memory>

#include "payments/payments.hpp"
#include "scheduler/step.hpp"

namespace bursar::payments {

// `autopay`: records a payment and its charge for each invoice whose automatic charge is due, by the first saved method
// that can be charged, in bulk; performs nothing. Only in the latest run of a catch-up: after downtime nobody is
// charged for a day that has passed twice over.
std::unique_ptr<scheduler::Step> autopay_step(const Context& context);

// `method_expiry`: tells customers of methods that auto-pay uses and that expire within
// billing.autopay.expiry_notice_days, once for each day of expiry.
std::unique_ptr<scheduler::Step> method_expiry_step(const Context& context);

// `reconciliation`: asks again today for every charge and refund whose outcome is open, takes back the automatic
// charges that their customers did not confirm in time and what waits for a customer who owes nothing of it any more,
// forgets answers kept for idempotency keys, sessions and login counts that are over, and counts what is unknown or in
// suspense.
std::unique_ptr<scheduler::Step> reconciliation_step(const Context& context);

}  // namespace bursar::payments
