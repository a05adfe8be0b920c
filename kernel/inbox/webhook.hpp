// The port to plugins that understand what their other side sends in: a raw request in, verified events out.
// plugin_host implements it over the SDK. Called outside any transaction, from any thread; changes nothing, so the same
// request may be handed in again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "payments/gateway.hpp"

namespace bursar::inbox {

struct WebhookRequest {
  std::string method = {};
  std::string path = {};   // what follows the instance's own address
  std::string query = {};  // without '?'
  std::string remote_address = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};
  std::optional<Instant> received_at = {};  // default: now
};

enum class WebhookVerdict {
  unknown,   // the plugin failed or was too late: keep the request and hand it in again
  accepted,  // genuine; the events are what it says
  refused,   // not genuine (signature, age): drop it and count it
};

enum class WebhookEventKind {
  unknown,  // to be recorded, otherwise ignored
  payment,
  refund,
  dispute_opened,
  dispute_won,
  dispute_lost,
  method_changed,
  service,       // an account at a panel changed: inspect it
  method_saved,  // a setup ended
};

struct WebhookDispute {
  std::string id = {};               // the gateway's; the same from opened to its end; empty: it names none
  std::optional<Money> amount = {};  // taken, lost or returned; nullopt: nothing moved, or as told before
  std::optional<Money> fee = {};     // kept for it in all, as things stand
  std::string reason = {};           // the gateway's own word
  std::optional<Instant> evidence_by = {};
};

struct WebhookEvent {
  WebhookEventKind kind = WebhookEventKind::unknown;
  std::string event_id = {};  // the sender's, unique within the instance; never empty
  std::optional<Instant> occurred_at = {};
  std::string payment_id = {};  // ours, as the plugin stored it at the gateway; empty: not ours or not told
  std::string refund_id = {};
  std::string service_id = {};
  std::string gateway_reference = {};                   // the gateway's id of the transaction it is about
  std::optional<payments::GatewayAnswer> payment = {};  // how it stands now; nullopt: ask lookup
  std::string setup_id = {};                            // ours; method_saved
  WebhookDispute dispute = {};                          // dispute_...
};

struct WebhookAnswer {
  WebhookVerdict verdict = WebhookVerdict::unknown;
  std::vector<WebhookEvent> events = {};
  int status = 503;  // what to answer over HTTP
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::string error = {};  // for staff
};

class Webhook {
 public:
  virtual ~Webhook() = default;
  // How many calls may run side by side: as the configuration says, else as the plugin proposes.
  [[nodiscard]] virtual int concurrency() const = 0;
  virtual WebhookAnswer handle(const WebhookRequest& request) = 0;
};

class Webhooks {
 public:
  virtual ~Webhooks() = default;
  [[nodiscard]] virtual std::vector<std::string> list() const = 0;
  [[nodiscard]] virtual Webhook* find(std::string_view instance) = 0;  // nullptr: no such usable instance
};

}  // namespace bursar::inbox
