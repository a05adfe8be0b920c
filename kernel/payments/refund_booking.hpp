// The journal entries of refunds to a gateway or by hand, and what the customer is told of them.
#pragma once

#include <string>

#include "payments/refunds.hpp"

namespace bursar::payments {

// The money leaves: customer credit goes down, and so does what the gateway holds for us.
void book_refund_sent(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now);
// It did not leave after all: it is the customer's credit again.
void book_refund_returned(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now);

// That it has been sent, has become credit, or could not be sent.
void tell_of_refund(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now);

}  // namespace bursar::payments
