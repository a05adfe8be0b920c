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

json method_json(const GatewayMethod& method) {
  return json{{"token", method.token},
              {"type", method.type},
              {"label", method.label},
              {"expiry_year", method.expiry_year},
              {"expiry_month", method.expiry_month}};
}

GatewayMethod method_from(const json& value) {
  return {.token = value.at("token").get<std::string>(),
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

// A gateway may name the method in more than its token: as the transaction that saved it, or in what it calls it.
GatewayAnswer without_token(GatewayAnswer answer) {
  const std::string token = std::exchange(answer.method->token, {});
  if (token.empty()) return answer;
  for (std::string* text : {&answer.reference, &answer.method->label, &answer.decline_text}) {
    for (auto at = text->find(token); at != std::string::npos; at = text->find(token, at))
      text->erase(at, token.size());
  }
  return answer;
}

}  // namespace

// Only what the gateway said: most answers say little, and each is kept.
std::string to_text(const GatewayAnswer& answer) {
  json said{{"outcome", name_of(outcome_names, answer.outcome)}};
  const auto keep = [&](const char* name, const std::string& text) {
    if (!text.empty()) said[name] = text;
  };
  if (answer.processed) said["processed"] = stored_json::of(answer.processed);
  if (answer.fee) said["fee"] = stored_json::of(answer.fee);
  keep("reference", answer.reference);
  if (!answer.action.type.empty()) said["action"] = action_json(answer.action);
  if (answer.decline_class != DeclineClass::unspecified)
    said["decline_class"] = name_of(decline_names, answer.decline_class);
  keep("decline_code", answer.decline_code);
  keep("decline_text", answer.decline_text);
  if (answer.withdrawn) said["withdrawn"] = true;
  if (answer.expires_at) said["expires_at"] = stored_json::of(answer.expires_at);
  if (answer.ready) said["ready"] = true;
  if (answer.method) said["method"] = method_json(*answer.method);
  keep("error", answer.error);
  return stored_json::text(said);
}

std::optional<GatewayAnswer> answer_from_text(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const json said = json::parse(text);
  const auto value = [&](const char* name) { return said.value(name, json()); };
  const auto kept = [&](const char* name) { return said.value(name, std::string()); };
  GatewayAnswer answer;
  answer.outcome = value_of(outcome_names, said.at("outcome").get<std::string>());
  answer.processed = stored_json::money(value("processed"));
  answer.fee = stored_json::money(value("fee"));
  answer.reference = kept("reference");
  if (const json action = value("action"); !action.is_null()) answer.action = action_from(action);
  if (said.contains("decline_class")) answer.decline_class = value_of(decline_names, kept("decline_class"));
  answer.decline_code = kept("decline_code");
  answer.decline_text = kept("decline_text");
  answer.withdrawn = said.value("withdrawn", false);
  answer.expires_at = stored_json::instant(value("expires_at"));
  answer.ready = said.value("ready", false);
  if (const json method = value("method"); !method.is_null()) answer.method = method_from(method);
  answer.error = kept("error");
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
  effects::Outcome outcome{
      .verdict = verdict, .data = to_text(answer), .error = answer.error, .next_in = answer.poll_after};
  if (answer.method) {
    outcome.secret = std::move(outcome.data);
    outcome.data = to_text(without_token(answer));
  }
  return outcome;
}

GatewayAnswer answer_of(const effects::Outcome& outcome) {
  return answer_from_text(outcome.secret.empty() ? outcome.data : outcome.secret).value_or(GatewayAnswer{});
}

}  // namespace bursar::payments
