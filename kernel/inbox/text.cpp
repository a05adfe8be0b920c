#include "inbox/text.hpp"

#include <openssl/evp.h>

#include <array>

#include "base/assert.hpp"
#include "base/stored_json.hpp"
#include "payments/answer_text.hpp"

namespace bursar::inbox {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<WebhookEventKind, std::string_view>, 9> kind_names{{
    {WebhookEventKind::unknown, "unknown"},
    {WebhookEventKind::payment, "payment"},
    {WebhookEventKind::refund, "refund"},
    {WebhookEventKind::dispute_opened, "dispute_opened"},
    {WebhookEventKind::dispute_won, "dispute_won"},
    {WebhookEventKind::dispute_lost, "dispute_lost"},
    {WebhookEventKind::method_changed, "method_changed"},
    {WebhookEventKind::service, "service"},
    {WebhookEventKind::method_saved, "method_saved"},
}};

json pairs_json(const Pairs& pairs) {
  json out = json::array();
  for (const auto& [name, value] : pairs) out.push_back(json::array({name, value}));
  return out;
}
Pairs pairs_from(const json& value) {
  Pairs out;
  for (const json& pair : value) out.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
  return out;
}

WebhookEventKind kind_of(const std::string& text) {
  for (const auto& [kind, name] : kind_names) {
    if (name == text) return kind;
  }
  invariant_broken("a stored event of a kind that this version does not know", __FILE__, __LINE__);
}

}  // namespace

std::string_view to_string(WebhookEventKind kind) {
  for (const auto& [known, name] : kind_names) {
    if (known == kind) return name;
  }
  invariant_broken("a kind of event without a name", __FILE__, __LINE__);
}

std::string to_text(const Pairs& pairs) { return stored_json::text(pairs_json(pairs)); }
Pairs pairs_from_text(std::string_view text) { return pairs_from(json::parse(text)); }

std::string to_base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string from_base64(std::string_view text) {
  if (text.empty()) return {};
  std::string out(3 * (text.size() / 4) + 1, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  BURSAR_ASSERT(size >= 0);
  // The decoder counts the padding as zero bytes.
  const auto padding = text.substr(text.size() - 2) == "==" ? 2 : text.back() == '=' ? 1 : 0;
  out.resize(static_cast<std::size_t>(size - padding));
  return out;
}

std::string to_text(const WebhookEvent& event) {
  return stored_json::text({{"kind", std::string(to_string(event.kind))},
                            {"event_id", event.event_id},
                            {"occurred_at", stored_json::of(event.occurred_at)},
                            {"payment_id", event.payment_id},
                            {"refund_id", event.refund_id},
                            {"service_id", event.service_id},
                            {"setup_id", event.setup_id},
                            {"gateway_reference", event.gateway_reference},
                            {"payment", event.payment ? json(payments::to_text(*event.payment)) : json(nullptr)},
                            {"dispute",
                             {{"id", event.dispute.id},
                              {"amount", stored_json::of(event.dispute.amount)},
                              {"fee", stored_json::of(event.dispute.fee)},
                              {"reason", event.dispute.reason},
                              {"evidence_by", stored_json::of(event.dispute.evidence_by)}}}});
}

WebhookEvent event_from_text(std::string_view text) {
  const json value = json::parse(text);
  WebhookEvent event;
  event.kind = kind_of(value.at("kind").get<std::string>());
  event.event_id = value.at("event_id").get<std::string>();
  event.occurred_at = stored_json::instant(value.at("occurred_at"));
  event.payment_id = value.at("payment_id").get<std::string>();
  event.refund_id = value.at("refund_id").get<std::string>();
  event.service_id = value.at("service_id").get<std::string>();
  event.setup_id = value.at("setup_id").get<std::string>();
  event.gateway_reference = value.at("gateway_reference").get<std::string>();
  if (const json& payment = value.at("payment"); !payment.is_null()) {
    event.payment = payments::answer_from_text(payment.get<std::string>());
  }
  const json& dispute = value.at("dispute");
  event.dispute = {.id = dispute.at("id").get<std::string>(),
                   .amount = stored_json::money(dispute.at("amount")),
                   .fee = stored_json::money(dispute.at("fee")),
                   .reason = dispute.at("reason").get<std::string>(),
                   .evidence_by = stored_json::instant(dispute.at("evidence_by"))};
  return event;
}

std::string to_text(const HttpReply& reply) {
  return stored_json::text({{"status", reply.status}, {"headers", pairs_json(reply.headers)}, {"body", reply.body}});
}

HttpReply reply_from_text(std::string_view text) {
  const json value = json::parse(text);
  return {.status = value.at("status").get<int>(),
          .headers = pairs_from(value.at("headers")),
          .body = value.at("body").get<std::string>()};
}

std::string to_text(const WebhookAnswer& answer) {
  json events = json::array();
  for (const WebhookEvent& event : answer.events) events.push_back(to_text(event));
  return stored_json::text(
      {{"genuine", answer.verdict == WebhookVerdict::accepted},
       {"events", std::move(events)},
       {"reply", to_text(HttpReply{.status = answer.status, .headers = answer.headers, .body = answer.body})},
       {"error", answer.error}});
}

WebhookAnswer answer_from_text(std::string_view text) {
  const json value = json::parse(text);
  HttpReply reply = reply_from_text(value.at("reply").get<std::string>());
  WebhookAnswer answer{.verdict = value.at("genuine").get<bool>() ? WebhookVerdict::accepted : WebhookVerdict::refused,
                       .events = {},
                       .status = reply.status,
                       .headers = std::move(reply.headers),
                       .body = std::move(reply.body),
                       .error = value.at("error").get<std::string>()};
  for (const json& event : value.at("events")) answer.events.push_back(event_from_text(event.get<std::string>()));
  return answer;
}

}  // namespace bursar::inbox
