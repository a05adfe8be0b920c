// PayPal's explicit refusals, sorted by what they mean for the payment.
#pragma once

#include <bursar/payment.hpp>

#include "api.hpp"

namespace paypal {

enum class Refusal {
  decline,    // no to this attempt
  approve,    // the customer must approve at PayPal, or choose another way to pay there
  captured,   // the order was captured before
  under_way,  // another request is at work on it
  doubled,    // PayPal has a payment with this invoice id
  lapsed,     // PayPal does not have the order any more
  config,     // the merchant's account or settings: a person must act, then the same may be tried again
};

Refusal kind_of(const Answer& answer);

// Nothing was done: an answer that a person must act upon, or that comes of too many requests. Reported to staff.
bursar::Payment not_done(bursar::Call& call, const Answer& answer);
// PayPal's answer before it did anything: a token that is refused twice, or too many requests.
bool untouched(const Answer& answer);
// PayPal's no to making an order or a setup, if it is one.
std::optional<bursar::Payment> refused_before(bursar::Call& call, const Answer& answer);

// For `decline`: soft or final, and the SDK's code.
bursar::Payment declined(const Answer& answer);

// A capture that the processor declined, by its response and advice codes.
bursar::Payment declined_by_processor(const Json& capture);

}  // namespace paypal
