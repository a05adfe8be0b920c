// What providers send in. A raw request is stored before anything is made of it; then the plugin says whether it is
// genuine and what it tells; each event is applied once, in whatever order events come.
//
//   received --+--> done                 every event applied, ignored, or held in suspense
//              +--> waiting --> done     it tells of something we do not know yet: applied again later, for some days
//              +--> (dropped)            not genuine: counted, and nothing else of it stays
//
// A plugin that cannot tell now (a certificate to fetch, a crash) leaves the request as received: it is handed in again
// by the workers, whatever the sender does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "effects/effects.hpp"
#include "inbox/webhook.hpp"
#include "payments/payments.hpp"
#include "scheduler/step.hpp"
#include "storage/database.hpp"

namespace bursar::inbox {

struct HttpReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
};

class Inbox final : public effects::Handler {
 public:
  // Both must outlive it.
  Inbox(const payments::Context& context, Webhooks& webhooks) : context_(context), webhooks_(webhooks) {}

  // Stores the request, then works on it on the calling thread; what could not be told yet is left to the workers and
  // answered 503. nullopt: no such instance takes webhooks.
  std::optional<HttpReply> receive(const std::string& instance, const WebhookRequest& request);
  // Hands a stored request in again. What was applied is not applied twice. Errors: not_found no_such_request.
  Status replay(WebhookRequestId request);

  [[nodiscard]] std::string_view kind() const override { return "webhook"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  void settle_genuine(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now);
  const payments::Context& context_;
  Webhooks& webhooks_;
};

// --- reading it, for staff
// ---------------------------------------------------------------------------------------------

struct StoredEvent {
  std::string event_id;
  std::string kind;    // payment, refund, dispute_opened, ...
  std::string status;  // waiting, applied, ignored, suspense
  std::string note;
  Instant created_at;
};

struct StoredRequest {
  WebhookRequestId id;
  std::string instance;
  WebhookRequest request;
  std::string status;  // received, waiting, done
  std::string error;   // why it is not done
  std::optional<Instant> processed_at;
  std::vector<StoredEvent> events;  // that it brought first; find_request() only
};

struct RequestFilter {
  std::string instance;     // empty: any
  std::string status;       // "open", "done"; empty: any
  WebhookRequestId before;  // older than this one; none: from the newest
  int limit = 50;
};
std::optional<StoredRequest> find_request(storage::Connection& c, const Vault& vault, WebhookRequestId id);
// Newest first.
std::vector<StoredRequest> list_requests(storage::Connection& c, const Vault& vault, const RequestFilter& filter);

// Whether a header's value (its name in lower case) logs the sender in. A signature proves who sent it and is no
// secret.
bool is_secret_header(std::string_view name);

struct Refusals {
  std::string instance;
  std::int64_t count = 0;
  Instant last_at;
  std::string last_address;
  std::string last_reason;
};
std::vector<Refusals> list_refusals(storage::Connection& c);

// `inbox`, a step of the daily run: requests that were done with ninety days ago are forgotten, their events' ids not.
std::unique_ptr<scheduler::Step> housekeeping_step();

}  // namespace bursar::inbox
