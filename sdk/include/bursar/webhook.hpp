// bursar.webhook/1 for plugin authors: `Webhook receive(Call&, const WebhookRequest&)`.
#pragma once

#include "abi/webhook.h"
#include "panel.hpp"
#include "payment.hpp"

BURSAR_SDK_BEGIN

struct WebhookRequest {
  std::string_view method, path, query, body, remote_address;
  Pairs headers;  // names in lower case, duplicates kept
  Time received_at{};

  // The only value of a header; empty when it is absent or was sent more than once, which a signature check must not
  // accept.
  [[nodiscard]] std::string_view header(std::string_view name) const {
    std::string_view found;
    int count = 0;
    for (const auto& [key, value] : headers) {
      if (key != name) continue;
      found = value;
      ++count;
    }
    return count == 1 ? found : std::string_view{};
  }
};

enum class EventKind : bursar_event_kind {
  unknown = BURSAR_EVENT_UNKNOWN,
  payment = BURSAR_EVENT_PAYMENT,
  refund = BURSAR_EVENT_REFUND,
  dispute_opened = BURSAR_EVENT_DISPUTE_OPENED,
  dispute_won = BURSAR_EVENT_DISPUTE_WON,
  dispute_lost = BURSAR_EVENT_DISPUTE_LOST,
  method_changed = BURSAR_EVENT_METHOD_CHANGED,
  service = BURSAR_EVENT_SERVICE,
  method_saved = BURSAR_EVENT_METHOD_SAVED,
};

// What a DISPUTE_... event says beside the payment it names; see bursar_event.
struct Dispute {
  std::string id{};  // empty: the provider names none
  Money amount{};    // absent: nothing moved, or as told before
  Money fee{};       // what the provider keeps for it in all, as things stand; absent: not told
  std::string reason{};
  std::optional<Time> evidence_by{};
};

struct Event {
  EventKind kind = EventKind::unknown;
  std::string event_id{};
  std::optional<Time> occurred_at{};
  std::string payment_id{}, refund_id{}, service_id{}, gateway_reference{};
  std::optional<Payment> payment{};
  std::optional<Panel> panel{};
  std::string setup_id{};
  Dispute dispute{};
};

enum class Verdict : bursar_webhook_verdict {
  unknown = BURSAR_WEBHOOK_UNKNOWN,
  genuine = BURSAR_WEBHOOK_GENUINE,
  rejected = BURSAR_WEBHOOK_REJECTED,
};

struct Webhook {
  Verdict verdict = Verdict::unknown;
  std::vector<Event> events{};
  int http_status = 0;
  Pairs http_headers{};
  std::string http_body{};

  static Webhook genuine(std::vector<Event> events = {}) { return {Verdict::genuine, std::move(events)}; }
  static Webhook rejected() { return {Verdict::rejected}; }
};

namespace detail {

inline WebhookRequest read(const bursar_webhook_request& in) {
  const bursar_webhook_request* w = &in;
  return {BURSAR_READ(w, method),
          BURSAR_READ(w, path),
          BURSAR_READ(w, query),
          BURSAR_READ(w, body),
          BURSAR_READ(w, remote_address),
          BURSAR_READ(w, headers),
          Time(Milliseconds(BURSAR_READ(w, received_at)))};
}

inline void write(Call& call, const Event& in, bursar_event* out) {
  out->struct_size = sizeof *out;
  out->kind = static_cast<bursar_event_kind>(in.kind);
  out->event_id = call.keep(in.event_id);
  out->occurred_at = to_abi(in.occurred_at);
  out->payment_id = call.keep(in.payment_id);
  out->refund_id = call.keep(in.refund_id);
  out->service_id = call.keep(in.service_id);
  out->gateway_reference = call.keep(in.gateway_reference);
  if (in.payment) {
    auto* payment = call.array<bursar_payment_result>(1);
    payment->struct_size = sizeof *payment;
    write(call, *in.payment, payment);
    out->payment = payment;
  }
  if (in.panel) {
    auto* panel = call.array<bursar_panel_result>(1);
    panel->struct_size = sizeof *panel;
    write(call, *in.panel, panel);
    out->panel = panel;
  }
  out->setup_id = call.keep(in.setup_id);
  out->dispute_id = call.keep(in.dispute.id);
  out->dispute_amount = to_abi(in.dispute.amount);
  out->dispute_fee = to_abi(in.dispute.fee);
  out->dispute_reason = call.keep(in.dispute.reason);
  out->dispute_evidence_by = to_abi(in.dispute.evidence_by);
}

inline void write(Call& call, const Webhook& in, bursar_webhook_result* out) {
  BURSAR_WRITE(out, http_status, in.http_status);
  BURSAR_WRITE(out, http_headers, call.keep(in.http_headers));
  BURSAR_WRITE(out, http_body, call.keep(in.http_body));
  if (!in.events.empty() && BURSAR_HAS(out, events_count)) {
    auto* events = call.array<bursar_event>(in.events.size());
    for (std::size_t i = 0; i < in.events.size(); ++i) write(call, in.events[i], &events[i]);
    out->event_size = sizeof(bursar_event);
    out->events = events;
    out->events_count = in.events.size();
  }
  BURSAR_WRITE(out, verdict, static_cast<bursar_webhook_verdict>(in.verdict));
}

template <class T>
concept OffersWebhook = requires(T& t, Call& c, const WebhookRequest& q) {
  { t.receive(c, q) } -> std::same_as<Webhook>;
};

struct WebhookTable {
  bursar_webhook_v1 table{};

  template <class T, T& (*self)(bursar_plugin*)>
  void fill(const T&) {
    table.struct_size = sizeof table;
    table.receive = [](bursar_plugin* p, bursar_call* c, const bursar_webhook_request* q,
                       bursar_webhook_result* r) noexcept {
      return guarded(c, [&] {
        Call call(c);
        try {
          write(call, self(p).receive(call, read(*q)), r);
        } catch (const NotAttempted& why) {
          throw Error("provider_unreachable", why.what(), Retry::later);
        }
      });
    };
  }
};

}  // namespace detail
BURSAR_SDK_END
