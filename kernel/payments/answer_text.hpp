// A gateway's answer as the text that the effect keeps between the call and its settlement.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "effects/effects.hpp"
#include "payments/gateway.hpp"

namespace bursar::payments {

std::string to_text(const GatewayAnswer& answer);
std::optional<GatewayAnswer> answer_from_text(std::string_view text);  // nullopt: there was no answer

// The next action as the customer gets it; "" for none.
std::string action_text(const GatewayAction& action);

// What the worker does with the effect after this answer, and the answer again for settle(). The token of a method is
// in no text that the effect keeps.
effects::Outcome outcome_of(const GatewayAnswer& answer);
GatewayAnswer answer_of(const effects::Outcome& outcome);

}  // namespace bursar::payments
