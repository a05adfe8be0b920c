#include "webhooks.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace sandbox {
namespace {

using bursar::Event;
using bursar::EventKind;
using bursar::Payment;
using Json = nlohmann::json;

struct Type {
  std::string_view name;
  EventKind kind;
};
constexpr Type types[] = {
    {"payment.succeeded", EventKind::payment},     {"payment.declined", EventKind::payment},
    {"payment.updated", EventKind::payment},       {"refund.succeeded", EventKind::refund},
    {"refund.declined", EventKind::refund},        {"refund.updated", EventKind::refund},
    {"dispute.opened", EventKind::dispute_opened}, {"dispute.won", EventKind::dispute_won},
    {"dispute.lost", EventKind::dispute_lost},     {"setup.succeeded", EventKind::method_saved},
    {"setup.declined", EventKind::method_saved},   {"setup.updated", EventKind::method_saved},
    {"method.updated", EventKind::method_changed}, {"method.gone", EventKind::method_changed},
};

constexpr std::chrono::days evidence_within{7};

std::string text(const Json& body, const char* name) { return body.value(name, std::string()); }

bursar::Money money(const Json& body, const char* name) {
  if (!body.contains(name)) return {};
  return {body.at(name).at("minor").get<std::int64_t>(), body.at(name).at("currency").get<std::string>()};
}

// What the token names now; without a label it is gone.
bursar::Method method(const Json& body) {
  const Json expires = body.value("expires", Json::object());
  return {.token = body.at("token").get<std::string>(),
          .type = "card",
          .label = text(body, "label"),
          .expiry_year = expires.value("year", 0),
          .expiry_month = expires.value("month", 0)};
}

std::optional<Payment> end_of_setup(std::string_view type, const Json& body) {
  if (type.ends_with(".succeeded")) return Payment::saved(method(body), text(body, "reference"));
  if (type.ends_with(".declined"))
    return Payment::declined(bursar::Decline::soft, "authentication_failed", "the test card's holder did not confirm");
  return std::nullopt;
}

// The end of a payment or a refund, when the event says it; the others only make Bursar ask.
std::optional<Payment> ending(std::string_view type, const Json& body) {
  if (type.ends_with(".succeeded")) {
    Payment payment = Payment::succeeded(text(body, "reference"));
    payment.processed = money(body, "amount");
    return payment;
  }
  if (type.ends_with(".declined")) return unconfirmed();
  return std::nullopt;
}

Event read(const Json& body) {
  Event event{.event_id = body.at("id").get<std::string>()};
  const auto type = body.at("type").get<std::string>();
  for (const Type& known : types) {
    if (known.name == type) event.kind = known.kind;
  }
  if (body.contains("at")) event.occurred_at = bursar::Time(std::chrono::seconds(body.at("at").get<std::int64_t>()));
  event.payment_id = text(body, "payment");
  event.refund_id = text(body, "refund");
  event.gateway_reference = text(body, "reference");
  if (event.kind == EventKind::payment || event.kind == EventKind::refund) {
    event.payment = ending(type, body);
  } else if (event.kind == EventKind::method_saved) {
    event.setup_id = text(body, "setup");
    event.payment = end_of_setup(type, body);
  } else if (event.kind == EventKind::method_changed) {
    event.payment.emplace().method = method(body);
    if (type.ends_with(".gone")) event.payment->method.label.clear();
  } else if (event.kind != EventKind::unknown) {
    event.dispute = {.id = body.at("dispute").get<std::string>(),
                     .amount = money(body, "amount"),
                     .fee = money(body, "fee"),
                     .reason = text(body, "reason")};
  }
  return event;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

bursar::Payment unconfirmed() {
  return Payment::declined(bursar::Decline::soft, "authentication_required", "the test card's holder did not confirm");
}

bool is_genuine(const bursar::Host& host, const bursar::WebhookRequest& request, const std::string& secret,
                bursar::Milliseconds tolerance) {
  const std::string_view header = request.header("sandbox-signature");
  const std::size_t comma = header.find(",v1=");
  if (secret.empty() || !header.starts_with("t=") || comma == std::string_view::npos) return false;
  const std::string_view seconds = header.substr(2, comma - 2);
  const auto signed_at = whole_number(seconds);
  const std::int64_t arrived = request.received_at.time_since_epoch().count() / 1000;
  const std::int64_t within = tolerance.count() / 1000;
  if (!signed_at || *signed_at < arrived - within || *signed_at > arrived + within) return false;
  const std::string signed_text = std::string(seconds) + "." + std::string(request.body);
  return host.equal(bursar::hex(host.hmac(BURSAR_DIGEST_SHA256, secret, signed_text)), header.substr(comma + 4));
}

Told read_event(std::string_view body) {
  try {
    const Json json = Json::parse(body);
    Told told{.event = read(json)};
    if (json.at("type") == "dispute.evidence") told.evidence_wins = json.at("evidence") == "winning_evidence";
    return told;
  } catch (const Json::exception& why) {
    throw bursar::Error("bad_event", std::string("the body is no event of the sandbox: ") + why.what(),
                        bursar::Retry::never);
  }
}

std::vector<Event> dispute_events(const Entry& entry, std::int64_t now) {
  std::vector<Event> events;
  if (!entry.dispute || now < entry.dispute->opens_at) return events;
  const auto add = [&](EventKind kind, const char* what, std::int64_t at) -> Event& {
    events.push_back({.kind = kind,
                      .event_id = "sandbox-dispute-" + std::string(what) + "-" + entry.payment_id,
                      .occurred_at = bursar::Time(bursar::Milliseconds(at)),
                      .payment_id = entry.payment_id,
                      .gateway_reference = entry.reference()});
    events.back().dispute.id = "sandbox-dispute-" + entry.payment_id;
    return events.back();
  };
  bursar::Dispute& opened = add(EventKind::dispute_opened, "opened", entry.dispute->opens_at).dispute;
  opened.amount = {entry.minor, entry.currency};
  opened.reason = "fraudulent";
  opened.evidence_by = bursar::Time(bursar::Milliseconds(entry.dispute->opens_at) + evidence_within);
  if (entry.dispute->is_over(now)) {
    const bool won = entry.dispute->won;
    const EventKind kind = won ? EventKind::dispute_won : EventKind::dispute_lost;
    add(kind, won ? "won" : "lost", entry.dispute->ends_at).dispute.amount = {entry.minor, entry.currency};
  }
  return events;
}

}  // namespace sandbox
