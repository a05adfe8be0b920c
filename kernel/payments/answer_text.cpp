#include "payments/answer_text.hpp"

#include <array>
#include <utility>

#include "base/assert.hpp"
#include "base/stored_json.hpp"

namespace bursar::payments {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<GatewayOutcome, std::string_view>, 6> outcome_names{{
    {GatewayOutcome::unknown, "unknown"},
    {GatewayOutcome::succeeded, "succeeded"},
    {GatewayOutcome::declined, "declined"},
    {GatewayOutcome::pending, "pending"},
    {GatewayOutcome::not_attempted, "not_attempted"},
    {GatewayOutcome::requires_action, "requires_action"},
}};
constexpr std::array<std::pair<DeclineClass, std::string_view>, 3> decline_names{{
    {DeclineClass::unspecified, "unspecified"},
    {DeclineClass::soft, "soft"},
    {DeclineClass::final, "final"},
}};

template <class Names, class Value>
std::string name_of(const Names& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) return std::string(name);
  }
  invariant_broken("a value without a name", __FILE__, __LINE__);
}

template <class Names>
auto value_of(const Names& names, const std::string& text) {
  for (const auto& [known, name] : names) {
    if (name == text) return known;
  }
  invariant_broken("a stored answer that this version does not know", __FILE__, __LINE__);
}

json method_json(const std::optional<GatewayMethod>& method) {
  if (!method) return nullptr;
  return json{{"token", method->token},
              {"type", method->type},
              {"label", method->label},
              {"expiry_year", method->expiry_year},
              {"expiry_month", method->expiry_month}};
}

std::optional<GatewayMethod> method_from(const json& value) {
  if (value.is_null()) return std::nullopt;
  return GatewayMethod{.token = value.at("token").get<std::string>(),
                       .type = value.at("type").get<std::string>(),
                       .label = value.at("label").get<std::string>(),
                       .expiry_year = value.at("expiry_year").get<int>(),
                       .expiry_month = value.at("expiry_month").get<int>()};
}

json action_json(const GatewayAction& action) {
  json fields = json::array();
  for (const auto& [name, value] : action.fields) fields.push_back({{"name", name}, {"value", value}});
  return {{"type", action.type}, {"url", action.url}, {"text", action.text}, {"fields", std::move(fields)}};
}

// What was stored before actions had fields lacks them.
GatewayAction action_from(const json& value) {
  GatewayAction action{.type = value.at("type").get<std::string>(),
                       .url = value.at("url").get<std::string>(),
                       .text = value.at("text").get<std::string>()};
  for (const json& field : value.value("fields", json::array())) {
    action.fields.emplace_back(field.at("name").get<std::string>(), field.at("value").get<std::string>());
  }
  return action;
}

}  // namespace

std::string to_text(const GatewayAnswer& answer) {
  return stored_json::text({{"outcome", name_of(outcome_names, answer.outcome)},
                            {"processed", stored_json::of(answer.processed)},
                            {"fee", stored_json::of(answer.fee)},
                            {"reference", answer.reference},
                            {"action", action_json(answer.action)},
                            {"decline_class", name_of(decline_names, answer.decline_class)},
                            {"decline_code", answer.decline_code},
                            {"decline_text", answer.decline_text},
                            {"withdrawn", answer.withdrawn},
                            {"expires_at", stored_json::of(answer.expires_at)},
                            {"ready", answer.ready},
                            {"method", method_json(answer.method)},
                            {"error", answer.error}});
}

std::optional<GatewayAnswer> answer_from_text(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const json value = json::parse(text);
  GatewayAnswer answer;
  answer.outcome = value_of(outcome_names, value.at("outcome").get<std::string>());
  answer.processed = stored_json::money(value.at("processed"));
  answer.fee = stored_json::money(value.at("fee"));
  answer.reference = value.at("reference").get<std::string>();
  answer.action = action_from(value.at("action"));
  answer.decline_class = value_of(decline_names, value.at("decline_class").get<std::string>());
  answer.decline_code = value.at("decline_code").get<std::string>();
  answer.decline_text = value.at("decline_text").get<std::string>();
  answer.expires_at = stored_json::instant(value.at("expires_at"));
  // Absent from answers stored before there were these.
  answer.withdrawn = value.value("withdrawn", false);
  answer.ready = value.value("ready", false);
  answer.method = method_from(value.value("method", json()));
  answer.error = value.at("error").get<std::string>();
  return answer;
}

std::string action_text(const GatewayAction& action) {
  return action.type.empty() ? "" : stored_json::text(action_json(action));
}

effects::Outcome outcome_of(const GatewayAnswer& answer) {
  using effects::Verdict;
  Verdict verdict = Verdict::unknown;
  switch (answer.outcome) {
    case GatewayOutcome::succeeded:
      verdict = Verdict::done;
      break;
    case GatewayOutcome::declined:
      verdict = Verdict::failed;
      break;
    case GatewayOutcome::pending:
    case GatewayOutcome::requires_action:
      verdict = Verdict::waiting;
      break;
    case GatewayOutcome::not_attempted:
      verdict = Verdict::not_attempted;
      break;
    case GatewayOutcome::unknown:
      break;
  }
  return {.verdict = verdict, .data = to_text(answer), .error = answer.error, .next_in = answer.poll_after};
}

}  // namespace bursar::payments
