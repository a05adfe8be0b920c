// The webhook port over bursar.webhook/1, and the connection test.
#include "inbox/webhook.hpp"

#include "plugin_host/answer_reader.hpp"
#include "plugin_host/ports.hpp"

namespace bursar::plugin_host {
namespace {

using inbox::Webhook;
using inbox::WebhookAnswer;
using inbox::WebhookDispute;
using inbox::WebhookEvent;
using inbox::WebhookEventKind;
using inbox::WebhookRequest;
using inbox::WebhookVerdict;

constexpr std::uint64_t events_max = 1000;
constexpr std::size_t answer_body_max = 64 * 1024;

struct Frame {
  Frame(const WebhookRequest& from, Instant now) : request(from), abi(sized<bursar_webhook_request>()) {
    abi.method = lend(request.method);
    abi.path = lend(request.path);
    abi.query = lend(request.query);
    for (const auto& [name, value] : request.headers) headers.push_back({lend(name), lend(value)});
    abi.headers = {headers.data(), headers.size()};
    abi.body = lend(request.body);
    abi.remote_address = lend(request.remote_address);
    abi.received_at = request.received_at.value_or(now).unix_seconds() * 1000;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  const WebhookRequest request;
  std::vector<bursar_pair> headers;
  bursar_webhook_request abi;
  bursar_webhook_result result = sized<bursar_webhook_result>();
};

WebhookEventKind kind_of(bursar_event_kind kind) {
  switch (kind) {
    case BURSAR_EVENT_PAYMENT:
      return WebhookEventKind::payment;
    case BURSAR_EVENT_REFUND:
      return WebhookEventKind::refund;
    case BURSAR_EVENT_DISPUTE_OPENED:
      return WebhookEventKind::dispute_opened;
    case BURSAR_EVENT_DISPUTE_WON:
      return WebhookEventKind::dispute_won;
    case BURSAR_EVENT_DISPUTE_LOST:
      return WebhookEventKind::dispute_lost;
    case BURSAR_EVENT_METHOD_CHANGED:
      return WebhookEventKind::method_changed;
    case BURSAR_EVENT_SERVICE:
      return WebhookEventKind::service;
    case BURSAR_EVENT_METHOD_SAVED:
      return WebhookEventKind::method_saved;
    default:
      return WebhookEventKind::unknown;
  }
}

void read_dispute(const bursar_event& from, WebhookDispute& dispute, AnswerReader& reader) {
  dispute.id = reader.text(from.dispute_id, "a dispute's id", AnswerReader::reference_max);
  dispute.amount = reader.money(from.dispute_amount, "a dispute's amount");
  dispute.fee = reader.money(from.dispute_fee, "a dispute's fee");
  dispute.reason = reader.text(from.dispute_reason, "a dispute's reason", 500);
  dispute.evidence_by = reader.time(from.dispute_evidence_by, "a dispute's deadline");
  if (dispute.amount && !dispute.amount->is_positive()) reader.fault("a dispute's amount is not positive");
  if (dispute.fee && dispute.fee->is_negative()) reader.fault("a dispute's fee is negative");
}

bool is_dispute(WebhookEventKind kind) {
  return kind == WebhookEventKind::dispute_opened || kind == WebhookEventKind::dispute_won ||
         kind == WebhookEventKind::dispute_lost;
}

WebhookEvent read_event(const bursar_event& from, AnswerReader& reader) {
  WebhookEvent event;
  if (!BURSAR_HAS(&from, payment)) {
    reader.fault("an event is too short");
    return event;
  }
  event.kind = kind_of(from.kind);
  event.event_id = reader.text(from.event_id, "an event's id", AnswerReader::reference_max);
  if (event.event_id.empty()) reader.fault("an event has no id");
  event.occurred_at = reader.time(from.occurred_at, "an event's time");
  event.payment_id = reader.text(from.payment_id, "a payment's id", AnswerReader::reference_max);
  event.refund_id = reader.text(from.refund_id, "a refund's id", AnswerReader::reference_max);
  event.service_id = reader.text(from.service_id, "a service's id", AnswerReader::reference_max);
  event.gateway_reference = reader.text(from.gateway_reference, "a reference", AnswerReader::reference_max);
  // What was asked is not known here; the reader of the event compares amount and currency with the payment it names.
  const bool saves = event.kind == WebhookEventKind::method_saved;
  if (from.payment != nullptr) event.payment = read_payment(*from.payment, {std::nullopt, true, saves}, reader);
  if (!BURSAR_HAS(&from, dispute_evidence_by)) return event;
  event.setup_id = reader.text(from.setup_id, "a setup's id", AnswerReader::reference_max);
  if (saves && event.setup_id.empty() && event.gateway_reference.empty())
    reader.fault("a method was saved for no setup that it names");
  if (is_dispute(event.kind)) read_dispute(from, event.dispute, reader);
  return event;
}

std::vector<WebhookEvent> read_events(const bursar_webhook_result& result, AnswerReader& reader) {
  std::vector<WebhookEvent> events;
  if (result.events_count == 0) return events;
  if (result.events == nullptr || result.events_count > events_max || result.event_size < sizeof(std::uint32_t)) {
    reader.fault("its events are not a list that can be read");
    return events;
  }
  const auto* at = reinterpret_cast<const char*>(result.events);
  for (std::uint64_t i = 0; i < result.events_count; ++i, at += result.event_size) {
    events.push_back(read_event(*reinterpret_cast<const bursar_event*>(at), reader));
  }
  return events;
}

int default_status(WebhookVerdict verdict) {
  switch (verdict) {
    case WebhookVerdict::accepted:
      return 200;
    case WebhookVerdict::refused:
      return 400;
    case WebhookVerdict::unknown:
      break;
  }
  return 503;
}

class PluginWebhook final : public Webhook {
 public:
  PluginWebhook(std::shared_ptr<Instance> instance, const Clock& clock)
      : instance_(std::move(instance)), clock_(clock) {}

  [[nodiscard]] int concurrency() const override { return instance_->concurrency(); }

  WebhookAnswer handle(const WebhookRequest& request) override {
    const auto frame = std::make_shared<Frame>(request, clock_.now());
    const auto function = instance_->tables().webhook->receive;
    const auto end = instance_->call("receive", "", [frame, function](bursar_plugin* plugin, bursar_call* call) {
      return function(plugin, call, &frame->abi, &frame->result);
    });
    WebhookAnswer answer;
    if (end.how != CallEnd::How::answered) {
      answer.error = end.error;
      return answer;
    }
    AnswerReader reader;
    read(frame->result, answer, reader);
    if (!reader.faults().empty()) {
      instance_->misbehaved("receive", reader.faults());
      answer = WebhookAnswer{};
      answer.error = instance_->title() + " gave an answer that can't be: " + reader.faults() + ".";
    } else if (answer.verdict != WebhookVerdict::accepted) {
      answer.error = instance_->scrubber().scrub(end.call->errors());
    }
    return answer;
  }

 private:
  static void read(const bursar_webhook_result& result, WebhookAnswer& answer, AnswerReader& reader) {
    switch (result.verdict) {
      case BURSAR_WEBHOOK_UNKNOWN:
        break;
      case BURSAR_WEBHOOK_GENUINE:
        answer.verdict = WebhookVerdict::accepted;
        break;
      case BURSAR_WEBHOOK_REJECTED:
        answer.verdict = WebhookVerdict::refused;
        break;
      default:
        reader.fault("the verdict " + std::to_string(result.verdict) + " does not exist");
        break;
    }
    answer.status = result.http_status == 0 ? default_status(answer.verdict) : result.http_status;
    if (answer.status < 200 || answer.status > 599)
      reader.fault("the HTTP status " + std::to_string(answer.status) + " can't be sent");
    answer.headers = reader.pairs(result.http_headers, "a header");
    answer.body = reader.text(result.http_body, "the HTTP answer", answer_body_max);
    if (answer.verdict == WebhookVerdict::accepted) answer.events = read_events(result, reader);
  }

  std::shared_ptr<Instance> instance_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<inbox::Webhook> make_webhook(std::shared_ptr<Instance> instance, const Clock& clock) {
  return std::make_unique<PluginWebhook>(std::move(instance), clock);
}

ConnectionTest test_connection_of(Instance& instance) {
  ConnectionTest test;
  const auto& tables = instance.tables();
  if (tables.health != nullptr) {
    const auto frame = std::make_shared<bursar_health_result>(sized<bursar_health_result>());
    const auto end =
        instance.call("check", "", [frame, function = tables.health->check](bursar_plugin* plugin, bursar_call* call) {
          return function(plugin, call, frame.get());
        });
    AnswerReader reader;
    test.supported = true;
    const bool answered = end.how == CallEnd::How::answered;
    test.ok = answered && (frame->state == BURSAR_HEALTH_GOOD || frame->state == BURSAR_HEALTH_DEGRADED);
    test.detail = answered ? instance.scrubber().scrub(reader.text(frame->text, "the text")) : end.error;
  } else if (BURSAR_OFFERS(tables.panel, test_connection)) {
    const auto end = instance.call("test_connection", "", tables.panel->test_connection);
    test.supported = true;
    test.ok = end.how == CallEnd::How::answered;
    test.detail = end.error;
  }
  return test;
}

}  // namespace bursar::plugin_host
