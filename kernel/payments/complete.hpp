// Payments that the customer approves and that only then are taken: the effects of kind "complete". Internal to
// payments. Each approval is an effect of its own, "complete:<payment>:<n>"; at most one of a payment is open.
#pragma once

#include <optional>
#include <string>

#include "base/time.hpp"
#include "payments/payment.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

// Records that the money of an approved payment is to be taken, unless that is under way already.
void record_complete(storage::Transaction& tx, const Payment& payment, Instant now);

// The key of the one that is open.
std::optional<std::string> open_complete(storage::Connection& c, PaymentId payment);

}  // namespace bursar::payments
