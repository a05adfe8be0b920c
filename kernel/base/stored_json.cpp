#include "base/stored_json.hpp"

namespace bursar::stored_json {

using nlohmann::json;

json of(const std::optional<Money>& money) {
  if (!money) return nullptr;
  return json{{"minor", money->minor()}, {"currency", std::string(money->currency().code())}};
}

json of(const std::optional<Instant>& instant) { return instant ? json(instant->to_string()) : json(nullptr); }

std::optional<Money> money(const json& value) {
  if (value.is_null()) return std::nullopt;
  return Money(value.at("minor").get<std::int64_t>(), Currency::parse(value.at("currency").get<std::string>()).value());
}

std::optional<Instant> instant(const json& value) {
  if (value.is_null()) return std::nullopt;
  return Instant::parse(value.get<std::string>()).value();
}

std::string text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace bursar::stored_json
