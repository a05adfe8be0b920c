#include "inbox/inbox.hpp"

#include "inbox/apply.hpp"
#include "inbox/text.hpp"
#include "payments/staff_tasks.hpp"
#include "storage/failpoints.hpp"

namespace bursar::inbox {

namespace {

using effects::Outcome;
using effects::Verdict;
using storage::Connection;
using storage::Transaction;

// How long the workers leave a request to the thread that received it or hands it in again.
constexpr Duration grace = seconds(30);
constexpr Duration without_plugin = minutes(5);
// An event about something that is still unknown after so long is given up; staff are told.
constexpr Duration patience = days(7);

std::string key_of(WebhookRequestId id) { return "webhook:" + std::to_string(id.value()); }

// What a sender sent may log it in, or name a method's token: it is sealed as it arrived, and so is what was read from
// it.
constexpr std::string_view path_column = "webhook_requests.path", query_column = "webhook_requests.query",
                           headers_column = "webhook_requests.headers", body_column = "webhook_requests.body",
                           event_column = "webhook_events.event";

StoredRequest read_request(storage::Rows& rows, const Vault& vault) {
  const auto id = rows.id<WebhookRequestId>(0);
  return {.id = id,
          .instance = rows.string(1),
          .request = {.method = rows.string(2),
                      .path = vault.open({path_column, id}, rows.text(3)),
                      .query = vault.open({query_column, id}, rows.text(4)),
                      .remote_address = rows.string(7),
                      .headers = pairs_from_text(vault.open({headers_column, id}, rows.text(5))),
                      .body = from_base64(vault.open({body_column, id}, rows.text(6))),
                      .received_at = rows.instant(8)},
          .status = rows.string(9),
          .error = rows.string(10),
          .processed_at = rows.optional_instant(11),
          .events = {}};
}

WebhookRequestId insert(Transaction& tx, const Vault& vault, const std::string& instance, const WebhookRequest& request,
                        Instant now) {
  const auto id = tx.new_id<WebhookRequestId>();
  tx.execute(
      "INSERT INTO webhook_requests (id, instance, method, path, query, headers, body, remote_address, received_at, "
      "status) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'received')",
      id, instance, request.method, vault.seal({path_column, id}, request.path),
      vault.seal({query_column, id}, request.query), vault.seal({headers_column, id}, to_text(request.headers)),
      vault.seal({body_column, id}, to_base64(request.body)), request.remote_address, now);
  const effects::NewEffect effect{.kind = "webhook",
                                  .key = key_of(id),
                                  .instance = instance,
                                  .account = {},
                                  .object = id.value(),
                                  .not_before = now + grace};
  effects::record(tx, now, {&effect, 1});
  return id;
}

void count_refusal(Transaction& tx, const StoredRequest& request, const std::string& reason, Instant now) {
  tx.execute(
      "INSERT INTO webhook_refusals (instance, count, last_at, last_address, last_reason) VALUES ($1, 1, $2, $3, $4) "
      "ON CONFLICT (instance) DO UPDATE SET count = webhook_refusals.count + 1, last_at = excluded.last_at, "
      "last_address = excluded.last_address, last_reason = excluded.last_reason",
      request.instance, now, request.request.remote_address, reason);
  tx.execute("DELETE FROM webhook_requests WHERE id = $1", request.id);
}

// Stores the events that are new. One that came with another request is that request's affair.
void insert_new_events(Transaction& tx, const Vault& vault, const StoredRequest& request,
                       const std::vector<WebhookEvent>& events, Instant now) {
  using storage::Batch;
  Batch rows{{"id", Batch::integer},         {"instance", Batch::text}, {"event_id", Batch::text},
             {"request_id", Batch::integer}, {"event", Batch::text},    {"status", Batch::text},
             {"created_at", Batch::text}};
  for (const WebhookEvent& event : events) {
    const std::int64_t id = tx.reserve_ids(1);
    rows.add(id, request.instance, event.event_id, request.id,
             vault.seal({event_column, std::to_string(id)}, to_text(event)), "waiting", now);
  }
  if (!rows.empty()) tx.insert_missing("webhook_events", rows);
}

struct WaitingEvent {
  std::int64_t id;
  WebhookEvent event;
};
WebhookEvent open_event(const Vault& vault, std::int64_t id, std::string_view stored) {
  return event_from_text(vault.open({event_column, std::to_string(id)}, stored));
}

std::vector<WaitingEvent> waiting_events(Connection& c, const Vault& vault, WebhookRequestId request) {
  auto rows =
      c.query("SELECT id, event FROM webhook_events WHERE request_id = $1 AND status = 'waiting' ORDER BY id", request);
  std::vector<WaitingEvent> out;
  while (rows.next()) out.push_back({.id = rows.integer(0), .event = open_event(vault, rows.integer(0), rows.text(1))});
  return out;
}

const char* status_after(payments::Heard::What what) {
  switch (what) {
    case payments::Heard::What::applied:
      return "applied";
    case payments::Heard::What::ignored:
      return "ignored";
    case payments::Heard::What::suspense:
      return "suspense";
    case payments::Heard::What::unknown:
      return "waiting";
  }
  invariant_broken("what was heard", __FILE__, __LINE__);
}

}  // namespace

std::optional<HttpReply> Inbox::receive(const std::string& instance, const WebhookRequest& request) {
  if (webhooks_.find(instance) == nullptr) return std::nullopt;
  const auto id = context_.db.write("store_webhook", [&](Transaction& tx) {
    return insert(tx, context_.vault, instance, request, context_.clock.now());
  });
  storage::failpoints::reached("webhook", "received");
  context_.perform_now(key_of(id), {});
  return context_.db.read([&](Connection& c) -> HttpReply {
    auto rows = c.query("SELECT status, answer FROM webhook_requests WHERE id = $1", id);
    if (!rows.next()) return {.status = 400};
    if (rows.text(1).empty()) return {.status = 503, .headers = {{"Retry-After", "60"}}};
    return reply_from_text(rows.text(1));
  });
}

Status Inbox::replay(WebhookRequestId id) {
  BURSAR_CHECK(context_.db.write("replay_webhook", [&](Transaction& tx) -> Status {
    const auto request = find_request(tx, context_.vault, id);
    if (!request) return not_found("no_such_request", "There is no such request.");
    tx.execute("UPDATE webhook_requests SET status = 'received' WHERE id = $1", id);
    // Events that were given up are tried again too.
    tx.execute("UPDATE webhook_events SET status = 'waiting' WHERE request_id = $1 AND status = 'ignored'", id);
    effects::ask_again(tx, key_of(id), context_.clock.now() + grace);
    return {};
  }));
  context_.perform_now(key_of(id), {});
  return {};
}

int Inbox::concurrency(std::string_view instance) const {
  const Webhook* plugin = webhooks_.find(instance);
  return plugin == nullptr ? 1 : plugin->concurrency();
}

Outcome Inbox::perform(const effects::Effect& effect) {
  const auto request =
      context_.db.read([&](Connection& c) { return find_request(c, context_.vault, WebhookRequestId(effect.object)); });
  if (!request) return {.verdict = Verdict::done, .forget = true};
  Webhook* plugin = webhooks_.find(effect.instance);
  if (plugin == nullptr) {
    return {.verdict = Verdict::not_attempted,
            .error = "the plugin '" + effect.instance + "' is not loaded; see `bursar plugin list`",
            .next_in = without_plugin};
  }
  const WebhookAnswer answer = plugin->handle(request->request);
  if (answer.verdict == WebhookVerdict::unknown) return {.verdict = Verdict::not_attempted, .error = answer.error};
  return {.verdict = answer.verdict == WebhookVerdict::accepted ? Verdict::done : Verdict::failed,
          .secret = to_text(answer)};
}

// Reading a request changes nothing at the other side, so one whose reader died is simply read again.
Outcome Inbox::inspect(const effects::Effect& effect) {
  const auto request =
      context_.db.read([&](Connection& c) { return find_request(c, context_.vault, WebhookRequestId(effect.object)); });
  if (request && request->status == "waiting") return {.verdict = Verdict::done};
  return perform(effect);
}

void Inbox::settle(Transaction& tx, const effects::Effect& effect, Outcome& outcome, Instant now) {
  const WebhookRequestId id(effect.object);
  if (outcome.verdict == Verdict::not_attempted || outcome.verdict == Verdict::unknown) {
    tx.execute("UPDATE webhook_requests SET error = $2 WHERE id = $1", id, outcome.error);
    return;
  }
  if (outcome.forget) return;
  if (outcome.verdict == Verdict::failed) {
    if (const auto request = find_request(tx, context_.vault, id)) {
      count_refusal(tx, *request, answer_from_text(outcome.secret).error, now);
    }
    outcome.forget = true;
    return;
  }
  settle_genuine(tx, effect, outcome, now);
}

void Inbox::settle_genuine(Transaction& tx, const effects::Effect& effect, Outcome& outcome, Instant now) {
  const auto request = find_request(tx, context_.vault, WebhookRequestId(effect.object));
  if (!request) return;
  if (!outcome.secret.empty()) {
    const WebhookAnswer answer = answer_from_text(outcome.secret);
    insert_new_events(tx, context_.vault, *request, answer.events, now);
    tx.execute("UPDATE webhook_requests SET answer = $2 WHERE id = $1", request->id,
               to_text(HttpReply{.status = answer.status, .headers = answer.headers, .body = answer.body}));
  }
  const bool give_up = effect.created_at + patience < now;
  bool waits = false;
  for (const WaitingEvent& waiting : waiting_events(tx, context_.vault, request->id)) {
    payments::Heard heard = apply(tx, context_, request->instance, waiting.event, now);
    const bool unknown = heard.what == payments::Heard::What::unknown;
    waits = waits || (unknown && !give_up);
    tx.execute("UPDATE webhook_events SET status = $2, note = $3, applied_at = $4 WHERE id = $1", waiting.id,
               unknown && give_up ? "ignored" : status_after(heard.what), heard.note,
               unknown ? std::nullopt : std::optional(now));
    if (unknown && give_up) {
      payments::raise_task(
          tx, "inbox_event", {}, request->id.value(), "An event at " + request->instance + " stayed unexplained",
          std::string(to_string(waiting.event.kind)) + " " + waiting.event.event_id + ": " + heard.note, now);
    }
  }
  tx.execute("UPDATE webhook_requests SET status = $2, error = '', processed_at = $3 WHERE id = $1", request->id,
             waits ? "waiting" : "done", now);
  outcome.verdict = waits ? Verdict::waiting : Verdict::done;
}

std::optional<StoredRequest> find_request(Connection& c, const Vault& vault, WebhookRequestId id) {
  std::optional<StoredRequest> request;
  {
    auto rows = c.query(
        "SELECT id, instance, method, path, query, headers, body, remote_address, received_at, status, error, "
        "processed_at FROM webhook_requests WHERE id = $1",
        id);
    if (!rows.next()) return std::nullopt;
    request = read_request(rows, vault);
  }
  auto rows = c.query(
      "SELECT event_id, event, status, note, created_at, id FROM webhook_events WHERE request_id = $1 ORDER BY id", id);
  while (rows.next()) {
    request->events.push_back({.event_id = rows.string(0),
                               .kind = std::string(to_string(open_event(vault, rows.integer(5), rows.text(1)).kind)),
                               .status = rows.string(2),
                               .note = rows.string(3),
                               .created_at = rows.instant(4)});
  }
  return request;
}

std::vector<StoredRequest> list_requests(Connection& c, const Vault& vault, const RequestFilter& filter) {
  auto rows = c.query(
      "SELECT id, instance, method, path, query, headers, body, remote_address, received_at, status, error, "
      "processed_at FROM webhook_requests WHERE ($1 = '' OR instance = $1) AND ($2 = '' OR ($2 = 'done') = (status = "
      "'done')) "
      "AND id < $3 ORDER BY id DESC LIMIT $4",
      filter.instance, filter.status, filter.before ? filter.before.value() : INT64_MAX, filter.limit);
  std::vector<StoredRequest> out;
  while (rows.next()) out.push_back(read_request(rows, vault));
  return out;
}

bool is_secret_header(std::string_view name) {
  return name == "authorization" || name == "cookie" || name == "proxy-authorization";
}

std::vector<Refusals> list_refusals(Connection& c) {
  auto rows =
      c.query("SELECT instance, count, last_at, last_address, last_reason FROM webhook_refusals ORDER BY instance");
  std::vector<Refusals> out;
  while (rows.next()) {
    out.push_back({.instance = rows.string(0),
                   .count = rows.integer(1),
                   .last_at = rows.instant(2),
                   .last_address = rows.string(3),
                   .last_reason = rows.string(4)});
  }
  return out;
}

namespace {
class Housekeeping final : public scheduler::Step {
 public:
  [[nodiscard]] std::string_view name() const override { return "inbox"; }
  scheduler::ChunkResult run_chunk(Transaction& tx, const scheduler::RunContext& run,
                                   const scheduler::ChunkRequest&) override {
    const Instant before = run.now - days(90);
    tx.execute("DELETE FROM effects WHERE kind = 'webhook' AND state = 'done' AND finished_at < $1", before);
    scheduler::Counts counts;
    const auto forgotten =
        tx.execute("DELETE FROM webhook_requests WHERE status = 'done' AND received_at < $1", before);
    if (forgotten > 0) counts["forgotten"] = forgotten;
    return {.cursor = "", .finished = true, .counts = std::move(counts)};
  }
};
}  // namespace

std::unique_ptr<scheduler::Step> housekeeping_step() { return std::make_unique<Housekeeping>(); }

}  // namespace bursar::inbox
