// What Stripe's events say here. Their order is not promised and one may come days late, so an event about a payment,
// refund or setup of ours only says "ask again": the kernel then looks it up, and gets the state of now. Disputes and
// refunds that were begun at Stripe tell what happened, as no lookup of ours would find them.
#pragma once

#include <bursar/webhook.hpp>

#include "api.hpp"

namespace stripe {

// `event` is the whole body. May ask Stripe; throws as Api::get does.
[[nodiscard]] std::vector<bursar::Event> events_of(bursar::Call& call, Api& api, const Object& event);

}  // namespace stripe
