// What a gateway tells by itself about a payment, a refund or a saved method of ours (a webhook), in whatever order it
// comes. It ends
// in the same settlement as every other path. What is not final, or may be stale, only makes us ask the gateway.
#pragma once

#include <optional>
#include <string>

#include "payments/disputes.hpp"
#include "payments/payments.hpp"

namespace bursar::payments {

struct Hearsay {
  std::string gateway;                                 // instance
  std::string id;                                      // ours, outside text, as the gateway kept it; empty: not told
  std::string reference;                               // the gateway's own; empty: not told
  std::optional<GatewayAnswer> answer = std::nullopt;  // nullopt: something changed, no more
  // Of a refund: the payment it is of, by our id and by the gateway's, where `id` names no refund of ours.
  std::string payment_id = {};
  std::string payment_reference = {};
};

struct Heard {
  enum class What {
    applied,
    ignored,   // nothing that concerns us
    unknown,   // about something we do not know (yet)
    suspense,  // money of nobody, held in suspense
  };
  What what;
  std::string note = {};  // for staff
};

Heard hear_of_payment(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now);
// A saved method was renewed at the gateway, or is gone there when its label is empty.
Heard hear_of_method(storage::Transaction& tx, const Context& context, const std::string& gateway,
                     const GatewayMethod& method, std::optional<Instant> told_at, Instant now);
// A method was saved without a payment, or was not.
Heard hear_of_setup(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now);
// One that was made at the gateway itself is recorded as done by hand.
Heard hear_of_refund(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now);
// `event.payment` is found by what the hearsay names.
Heard hear_of_dispute(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, DisputeEvent event,
                      Instant now);

}  // namespace bursar::payments
