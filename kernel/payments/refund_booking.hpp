// The journal entries of refunds to a gateway or by hand.
#pragma once

#include <string>

#include "payments/refunds.hpp"

namespace bursar::payments {

// The money leaves: customer credit goes down, and so does what the gateway holds for us.
void book_refund_sent(storage::Transaction& tx, const Context& context, const Refund& refund,
                      const std::string& gateway, Instant now);
// It did not leave after all: it is the customer's credit again.
void book_refund_returned(storage::Transaction& tx, const Context& context, const Refund& refund,
                          const std::string& gateway, Instant now);

}  // namespace bursar::payments
