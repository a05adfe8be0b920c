#include "webhooks.hpp"

#include <algorithm>

#include "orders.hpp"

namespace paypal {
namespace {

using bursar::Call;
using bursar::Event;
using bursar::EventKind;
using bursar::Payment;
using bursar::Verdict;
using bursar::Webhook;

constexpr std::size_t body_max = 1 << 20;
constexpr std::size_t certificate_max = 60'000;
// PayPal repeats a delivery for three days, and does not say whether the repetition carries a new time. Within these
// days a replayed request is caught by its event id.
constexpr std::int64_t oldest_ms = 4 * 86'400'000LL;
constexpr std::int64_t clocks_differ_ms = 10 * 60'000LL;

std::string certificate_key(std::string_view url) {
  return "certificate/" + std::string(url.substr(url.rfind('/') + 1));
}

Webhook rejected(Call& call, std::string_view why) {
  call.report(BURSAR_SEVERITY_ERROR, "not_genuine", why);
  return Webhook::rejected();
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

// Says how the transaction stands, or leaves it to lookup.
template <class Read>
std::optional<Payment> told(const Read& read) {
  try {
    return read();
  } catch (const bursar::OutcomeUnknown&) {
    return std::nullopt;
  }
}

void read_capture(const Json& capture, Event& event) {
  event.kind = EventKind::payment;
  event.payment_id = line(text(capture, "custom_id"), 127);
  event.gateway_reference = line(text(capture, "id"), 64);
  event.payment = told([&] { return payment_of_capture(capture); });
}

// Approved, or changed otherwise: only the order itself knows.
void read_order(const Json& order, bool approved, Event& event) {
  event.kind = EventKind::payment;
  const Json::array_t& units = elements(member(order, "purchase_units"));
  if (units.size() == 1) event.payment_id = line(text(units.front(), "custom_id"), 127);
  event.gateway_reference = line(text(order, "id"), 64);
  if (approved && !event.payment_id.empty()) {
    event.payment = told([&] { return payment_of_order(order, event.payment_id); });
  }
}

// PayPal took the money of a capture back. It says so beside the dispute about it, and names no dispute: the kernel
// knows the one that is open, or was lost over as much.
void read_reversal(const Json& reversal, Event& event) {
  event.kind = EventKind::dispute_lost;
  event.dispute.reason = "reversed by PayPal";
  event.payment_id = line(text(reversal, "custom_id"), 127);
  const std::string up = link(reversal, "up");
  const std::size_t at = up.rfind("/captures/");
  event.gateway_reference = line(at == std::string::npos ? text(reversal, "id") : up.substr(at + 10), 64);
  if (const auto back = money(member(reversal, "amount")); back && back->minor > 0) event.dispute.amount = *back;
}

EventKind verdict_of(const Json& dispute) {
  const std::string code = text(dispute, "dispute_outcome", "outcome_code");
  if (code == "RESOLVED_BUYER_FAVOUR" || code == "ACCEPTED") return EventKind::dispute_lost;
  // RESOLVED_WITH_PAYOUT: PayPal pays the buyer, and the seller keeps the money.
  if (code == "RESOLVED_SELLER_FAVOUR" || code == "RESOLVED_WITH_PAYOUT" || code == "CANCELED_BY_BUYER" ||
      code == "DENIED") {
    return EventKind::dispute_won;
  }
  return EventKind::unknown;
}

void read_dispute(const Json& dispute, EventKind kind, Event& event) {
  const Json::array_t& transactions = elements(member(dispute, "disputed_transactions"));
  if (transactions.empty()) return;
  event.kind = kind;
  event.payment_id = line(text(transactions.front(), "custom"), 127);
  event.gateway_reference = line(text(transactions.front(), "seller_transaction_id"), 64);
  event.dispute.id = line(text(dispute, "dispute_id"), 200);
  event.dispute.reason = line(text(dispute, "reason"), 255);
  if (const auto due = milliseconds(text(dispute, "seller_response_due_date"))) {
    event.dispute.evidence_by = bursar::Time(bursar::Milliseconds(*due));
  }
  auto disputed = money(member(dispute, "dispute_amount"));
  if (kind == EventKind::dispute_lost) {
    if (auto back = money(member(dispute, "dispute_outcome", "amount_refunded"))) disputed = std::move(back);
  }
  if (disputed && disputed->minor > 0) event.dispute.amount = *disputed;
}

}  // namespace

Webhook Webhooks::receive(Call& call, const bursar::WebhookRequest& request) {
  const Signed headers{.id = request.header("paypal-transmission-id"),
                       .time = request.header("paypal-transmission-time"),
                       .signature = request.header("paypal-transmission-sig"),
                       .certificate_url = request.header("paypal-cert-url"),
                       .algorithm = request.header("paypal-auth-algo")};
  if (settings_.webhook_id.empty()) return rejected(call, "webhook_id is not set, so that no webhook can be checked");
  if (headers.id.empty() || headers.time.empty() || headers.signature.empty() || headers.certificate_url.empty()) {
    return rejected(call, "a header of PayPal's signature is missing, or there twice");
  }
  if (!equal_ignoring_case(headers.algorithm, "SHA256withRSA")) {
    return rejected(call, "the signature's algorithm is not SHA256withRSA");
  }
  if (!is_certificate_url(headers.certificate_url)) return rejected(call, "the certificate is not at PayPal's address");
  if (request.body.size() > body_max) return rejected(call, "the body is above 1 MiB");
  const auto sent = milliseconds(headers.time);
  const std::int64_t age = request.received_at.time_since_epoch().count() - sent.value_or(0);
  if (!sent || age > oldest_ms || age < -clocks_differ_ms)
    return rejected(call, "the time of transmission is not near");
  switch (proof(call, request, headers)) {
    case Verdict::genuine:
      return Webhook::genuine(events(call, parse(request.body)));
    case Verdict::rejected:
      return rejected(call, "the signature is not PayPal's");
    case Verdict::unknown:
      break;
  }
  return {};
}

bool Webhooks::is_certificate_url(std::string_view url) const {
  constexpr std::string_view path = "/v1/notifications/certs/";
  for (const std::string& origin : settings_.certificate_origins) {
    if (!url.starts_with(origin) || !url.substr(origin.size()).starts_with(path)) continue;
    return is_id(url.substr(origin.size() + path.size()));
  }
  return false;
}

// The chain at the address, or empty. The store keeps it: an address of PayPal's names one certificate for ever.
std::string Webhooks::certificate(Call& call, std::string_view url) {
  if (auto kept = host_.store_get(call, certificate_key(url))) return *kept;
  bursar::HttpRequest request;
  request.url = url;
  try {
    const bursar::HttpResponse response = host_.http(call, request);
    const bool ascii = std::all_of(response.body.begin(), response.body.end(), [](char c) {
      return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
    });
    if (response.status == 200 && ascii && response.body.size() <= certificate_max) {
      return response.body;
    }
    call.warn("certificate", "PayPal's certificate could not be fetched: HTTP " + std::to_string(response.status));
  } catch (const bursar::NotAttempted& why) {
    call.warn("certificate", std::string("PayPal's certificate could not be fetched: ") + why.what());
  }
  return {};
}

Verdict Webhooks::proof(Call& call, const bursar::WebhookRequest& request, const Signed& headers) {
  const std::string chain = certificate(call, headers.certificate_url);
  const std::int64_t at = request.received_at.time_since_epoch().count() / 1000;
  const std::string text = signed_text(headers.id, headers.time, settings_.webhook_id, request.body);
  switch (check_signature(chain, settings_.trust, at, text, headers.signature)) {
    case Signature::good:
      host_.store_put(call, certificate_key(headers.certificate_url), chain);
      return Verdict::genuine;
    case Signature::bad:
      return Verdict::rejected;
    case Signature::no_certificate:
      break;
  }
  return ask_paypal(call, request, headers);
}

// PayPal hashes the event as it was sent, so the body goes in byte for byte. It must be one JSON object, or it could
// bring members of its own into the question.
Verdict Webhooks::ask_paypal(Call& call, const bursar::WebhookRequest& request, const Signed& headers) {
  if (!parse(request.body).is_object()) return Verdict::rejected;
  std::string question = Json{{"auth_algo", headers.algorithm},    {"cert_url", headers.certificate_url},
                              {"transmission_id", headers.id},     {"transmission_sig", headers.signature},
                              {"transmission_time", headers.time}, {"webhook_id", settings_.webhook_id}}
                             .dump(-1, ' ', false, Json::error_handler_t::replace);
  question.pop_back();
  question.append(",\"webhook_event\":").append(request.body).append("}");
  const Answer answer = api_.post(call, "/v1/notifications/verify-webhook-signature", {}, question, Act::prepares);
  const std::string status = text(answer.body, "verification_status");
  if (answer.good() && status == "SUCCESS") return Verdict::genuine;
  if (answer.good() && status == "FAILURE") return Verdict::rejected;
  call.report(BURSAR_SEVERITY_ERROR, "not_verified",
              "PayPal did not say whether the webhook is its own: " + answer.words(), {}, bursar::Retry::later);
  return Verdict::unknown;
}

std::vector<Event> Webhooks::events(Call& call, const Json& notification) {
  Event event;
  event.event_id = line(text(notification, "id"), 255);
  if (event.event_id.empty()) return {};
  if (const auto at = milliseconds(text(notification, "create_time")))
    event.occurred_at = bursar::Time(bursar::Milliseconds(*at));
  const std::string type = text(notification, "event_type");
  const Json& resource = member(notification, "resource");
  if (type == "PAYMENT.CAPTURE.COMPLETED" || type == "PAYMENT.CAPTURE.PENDING" || type == "PAYMENT.CAPTURE.DENIED" ||
      type == "PAYMENT.CAPTURE.DECLINED") {
    read_capture(resource, event);
  } else if (type == "PAYMENT.CAPTURE.REFUNDED" || type == "PAYMENT.REFUND.PENDING" ||
             type == "PAYMENT.REFUND.FAILED") {
    read_refund(call, resource, event);
  } else if (type == "PAYMENT.CAPTURE.REVERSED") {
    read_reversal(resource, event);
  } else if (type == "CHECKOUT.ORDER.APPROVED" || type == "CHECKOUT.ORDER.COMPLETED" ||
             type == "CHECKOUT.PAYMENT-APPROVAL.REVERSED") {
    read_order(resource, type == "CHECKOUT.ORDER.APPROVED", event);
  } else if (type == "CUSTOMER.DISPUTE.CREATED") {
    read_dispute(resource, EventKind::dispute_opened, event);
  } else if (type == "CUSTOMER.DISPUTE.RESOLVED") {
    read_dispute(resource, verdict_of(resource), event);
    if (event.kind == EventKind::dispute_lost) {
      if (auto refund = refund_in_its_place(call, resource, event)) return {std::move(event), *std::move(refund)};
    }
  } else if (type == "VAULT.PAYMENT-TOKEN.CREATED" || type == "VAULT.PAYMENT-TOKEN.DELETED") {
    read_token(call, resource, type == "VAULT.PAYMENT-TOKEN.DELETED", event);
  }
  return {std::move(event)};
}

// A refund that somebody made at PayPal carries the payment's ids; ours carries its own.
void Webhooks::read_refund(Call& call, const Json& refund, Event& event) {
  event.kind = EventKind::refund;
  const std::string id = text(refund, "custom_id");
  if (is_id(id)) (slips_.refund(call, id) ? event.refund_id : event.payment_id) = id;
  event.gateway_reference = line(text(refund, "id"), 64);
  event.payment = told([&] { return payment_of_refund(refund); });
}

// A seller may end a dispute by a refund, at PayPal's pages or by accepting the claim, and PayPal tells of that refund
// as of any other. Then the refund is what took the money, and the dispute gives back what it held.
std::optional<Event> Webhooks::refund_in_its_place(Call& call, const Json& dispute, Event& lost) {
  const auto slip = slips_.payment(call, lost.payment_id);
  if (!slip || slip->order.empty() || !lost.dispute.amount.minor) return std::nullopt;
  const Answer found = api_.get(call, "/v2/checkout/orders/" + slip->order);
  if (found.status == 404) return std::nullopt;
  if (!found.good()) throw bursar::Error("no_order", found.words(), bursar::Retry::later);
  const auto opened = milliseconds(text(dispute, "create_time"));
  for (const Json& refund : refunds_in_order(found.body)) {
    const std::string ours = text(refund, "custom_id");
    if (is_id(ours) && slips_.refund(call, ours)) continue;
    const auto made = milliseconds(text(refund, "create_time"));
    const auto amount = money(member(refund, "amount"));
    if (!amount || *amount != lost.dispute.amount || (opened && made && *made < *opened)) continue;
    lost.kind = EventKind::dispute_won;
    Event told{.kind = EventKind::refund,
               .event_id = lost.event_id + ".refund",
               .occurred_at = lost.occurred_at,
               .payment_id = lost.payment_id,
               .gateway_reference = line(text(refund, "id"), 64)};
    told.payment = paypal::told([&] { return payment_of_refund(refund); });
    return told;
  }
  return std::nullopt;
}

// A removed account can't be charged any more. A new one belongs to the payment in which the customer agreed, where it
// was not ready in the payment's own answer; one of a setup is found by looking that up.
void Webhooks::read_token(Call& call, const Json& token, bool deleted, Event& event) {
  const std::string id = text(token, "id");
  const std::string order_id = text(token, "metadata", "order_id");
  if (!is_id(id)) return;
  if (deleted) {
    event.kind = EventKind::method_changed;
    event.payment.emplace().method.token = id;
    return;
  }
  if (!is_id(order_id)) return;
  const Answer found = api_.get(call, "/v2/checkout/orders/" + order_id);
  if (!found.good()) throw bursar::Error("no_order", found.words(), bursar::Retry::later);
  read_order(found.body, true, event);
  if (event.payment) event.payment->method = method_of(id, member(token, "payment_source", "paypal"));
}

}  // namespace paypal
