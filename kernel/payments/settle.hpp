// What a gateway's answer means for the books. The one place where money that arrived becomes a journal entry.
#pragma once

#include <optional>
#include <string>

#include "payments/payments.hpp"

namespace bursar::payments {

// What was found out about a payment, in the caller's transaction. Answers what the effect has to become: its outcome's
// verdict may change (an answer that can't be booked is parked, a bank transfer waits for staff, not for a lookup).
struct Settlement {
  effects::Verdict verdict;
  std::string error = {};
};

// Saves the method that the customer agreed to have kept, when a success brings one: once for each payment, and also
// when it is told after the money was booked. Answers whether it did.
bool keep_agreed_method(storage::Transaction& tx, const Context& context, const Payment& payment,
                        const GatewayAnswer& answer, Instant now);

Settlement settle_payment(storage::Transaction& tx, const Context& context, PaymentId payment,
                          const GatewayAnswer& answer, effects::Verdict verdict, Instant now);

// Staff say that the money of this open payment will not come, whatever its gateway said.
void dismiss_payment(storage::Transaction& tx, const Context& context, const Payment& payment, Instant now);

}  // namespace bursar::payments
