// JSON that the store keeps as one text: money and instants in it, and how it is written. Amounts are minor units.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/money.hpp"
#include "base/time.hpp"

namespace bursar::stored_json {

nlohmann::json of(const std::optional<Money>& money);  // {"minor": 1234, "currency": "EUR"}, or null
nlohmann::json of(const std::optional<Instant>& instant);

// What of() gave. Anything else is corruption: throws.
std::optional<Money> money(const nlohmann::json& value);
std::optional<Instant> instant(const nlohmann::json& value);

// Text from outside may hold anything; what is no UTF-8 is replaced.
std::string text(const nlohmann::json& value);

}  // namespace bursar::stored_json
