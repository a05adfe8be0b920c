#include "inbox/inbox.hpp"

#include "http/call.hpp"
#include "http/problem.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "payments/payments.hpp"
#include "payments/suspense.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

inbox::WebhookRequest request_of(const Request& from, std::string path) {
  inbox::WebhookRequest request;
  request.method = from.method;
  request.path = std::move(path);
  request.query = from.query;
  request.remote_address = from.peer;
  for (const Header& header : from.headers) {
    std::string name = header.name;
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    request.headers.emplace_back(std::move(name), header.value);
  }
  request.body = from.body;
  return request;
}

Result<Answer> receive_at(Call& call, std::string path) {
  const std::string instance(call.parameter("instance"));
  const auto reply = call.app.inbox->receive(instance, request_of(call.request, std::move(path)));
  if (!reply) return not_found("no_such_object", "No plugin takes webhooks at this address.");
  call.wake_workers();
  if (reply->status == 400 && reply->body.empty())
    return problem(400, "not_genuine", "The request is not genuine.", call.request.request_id);
  Answer answer{
      .status = reply->status, .content_type = "text/plain; charset=utf-8", .headers = {}, .body = reply->body};
  for (const auto& [name, value] : reply->headers) {
    if (equals_ignoring_case(name, "Content-Type")) {
      answer.content_type = value;
    } else {
      answer.set_header(name, value);
    }
  }
  return answer;
}

Result<Answer> receive(Call& call) { return receive_at(call, ""); }
Result<Answer> receive_below(Call& call) { return receive_at(call, "/" + std::string(call.parameter("path"))); }

void write_request(JsonWriter& w, const IdCodec& ids, const inbox::StoredRequest& r, bool whole) {
  w.begin_object().field("id", ids.text(r.id)).field("instance", r.instance).field("status", r.status);
  w.field("error", r.error).field("method", r.request.method).field("path", r.request.path);
  w.field("remote_address", r.request.remote_address).field("received_at", r.request.received_at);
  w.field("processed_at", r.processed_at).field("size", static_cast<std::int64_t>(r.request.body.size()));
  if (whole) {
    w.key("events").begin_array();
    for (const inbox::StoredEvent& e : r.events) {
      w.begin_object().field("event_id", e.event_id).field("kind", e.kind).field("status", e.status);
      w.field("note", e.note).field("created_at", e.created_at).end_object();
    }
    w.end_array().key("headers").begin_object();
    for (const auto& [name, value] : r.request.headers)
      w.field(name, inbox::is_secret_header(name) ? "[secret]" : value);
    w.end_object();
    text_or_null(w, "body", is_valid_utf8(r.request.body) ? r.request.body : "");
  }
  w.end_object();
}

Result<Answer> render(Call& call, WebhookRequestId id) {
  const auto request = call.app.db.read(
      [&](storage::Connection& c) { return inbox::find_request(c, call.app.payment_context->vault, id); });
  if (!request) return not_found("no_such_object", "There is no such request.");
  JsonWriter w;
  write_request(w, call.app.ids, *request, true);
  return call.answer(std::move(w));
}

Result<Answer> list_requests(Call& call) {
  BURSAR_TRY(page, call.page());
  auto found = call.app.db.read([&](storage::Connection& c) {
    return inbox::list_requests(c, call.app.payment_context->vault,
                                {.instance = call.query("instance").value_or(""),
                                 .status = call.query("status").value_or(""),
                                 .before = WebhookRequestId(page.after),
                                 .limit = page.fetch()});
  });
  return call.list(
      std::move(found), page, [](const auto& r) { return r.id.value(); },
      [&](JsonWriter& w, const auto& r) { write_request(w, call.app.ids, r, false); });
}

Result<Answer> read_request(Call& call) {
  BURSAR_TRY(id, call.id<WebhookRequestId>("request"));
  return render(call, id);
}

Result<Answer> replay_request(Call& call) {
  BURSAR_TRY(id, call.id<WebhookRequestId>("request"));
  BURSAR_CHECK(call.app.inbox->replay(id));
  call.wake_workers();
  return render(call, id);
}

Result<Answer> list_refusals(Call& call) {
  BURSAR_TRY(page, call.page());
  const auto all = call.app.db.read([](storage::Connection& c) { return inbox::list_refusals(c); });
  return call.list_whole(all, page, [](JsonWriter& w, const inbox::Refusals& r) {
    w.begin_object().field("instance", r.instance).field("count", r.count).field("last_at", r.last_at);
    w.field("last_address", r.last_address).field("last_reason", r.last_reason).end_object();
  });
}

void write_suspense(JsonWriter& w, const IdCodec& ids, const payments::SuspenseItem& item) {
  w.begin_object().field("id", ids.text(item.id)).field("gateway", item.gateway).field("reference", item.reference);
  w.field("amount", item.amount).field("note", item.note).field("status", item.status);
  id_field(w, ids, "payment_id", item.payment);
  w.field("received_at", item.received_at).field("closed_at", item.closed_at).end_object();
}

Result<Answer> render_suspense(Call& call, storage::Connection& c, SuspenseId id) {
  const auto item = payments::find_suspense(c, id);
  if (!item) return not_found("no_such_object", "There is no such money in suspense.");
  JsonWriter w;
  write_suspense(w, call.app.ids, *item);
  return call.answer(std::move(w));
}

Result<Answer> list_suspense(Call& call) {
  BURSAR_TRY(page, call.page());
  const auto status = call.query("status").value_or("");
  auto items = call.app.db.read(
      [&](storage::Connection& c) { return payments::list_suspense(c, status, SuspenseId(page.after), page.fetch()); });
  return call.list(
      std::move(items), page, [](const auto& i) { return i.id.value(); },
      [&](JsonWriter& w, const auto& i) { write_suspense(w, call.app.ids, i); });
}

Result<Answer> read_suspense(Call& call) {
  BURSAR_TRY(id, call.id<SuspenseId>("item"));
  return call.app.db.read([&](storage::Connection& c) { return render_suspense(call, c, id); });
}

Result<Answer> assign_suspense(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  payments::Assignment assignment{.account = in.id<AccountId>("account_id"), .invoice = {}};
  assignment.invoice = in.optional_id<InvoiceId>("invoice_id").value_or(InvoiceId());
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<SuspenseId>("item"));
  auto answer = call.once("assign_suspense", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_CHECK(payments::assign_suspense(tx, *call.app.payment_context, id, assignment, call.actor(), call.now));
    return render_suspense(call, tx, id);
  });
  call.wake_workers();
  return answer;
}

Result<Answer> return_suspense(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const std::string reason = in.text("reason", {.max = 500});
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<SuspenseId>("item"));
  return call.once("return_suspense", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_CHECK(payments::return_suspense(tx, *call.app.payment_context, id, reason, call.actor(), call.now));
    return render_suspense(call, tx, id);
  });
}
}  // namespace

void add_inbox_routes(RouteTable& routes) {
  routes.add({.verb = Verb::post,
              .path = "/webhooks/{instance}",
              .summary = "Where the other side of a plugin sends its news: stored first, then verified and applied",
              .access = Access::open,
              .response = "Text",
              .from_providers = true,
              .handler = receive});
  routes.add({.verb = Verb::post,
              .path = "/webhooks/{instance}/{path}",
              .summary = "The same, for plugins with several addresses",
              .access = Access::open,
              .response = "Text",
              .from_providers = true,
              .handler = receive_below});
  routes.add({.path = "/webhook-requests",
              .summary = "What providers sent in, newest first",
              .action = Action::inbox_read,
              .response = "WebhookRequest",
              .list = true,
              .query = {{"instance", "string", "Of this plugin instance"},
                        {"status", "open|done", "Whether all of it is applied"}},
              .handler = list_requests});
  routes.add({.path = "/webhook-requests/{request}",
              .summary = "A request with its events, headers and body",
              .action = Action::inbox_read,
              .response = "WebhookRequest",
              .handler = read_request});
  routes.add({.verb = Verb::post,
              .path = "/webhook-requests/{request}/replay",
              .summary = "Hand a request in again; nothing is applied twice",
              .action = Action::inbox_replay,
              .response = "WebhookRequest",
              .handler = replay_request});
  routes.add({.path = "/webhook-refusals",
              .summary = "How many requests were not genuine, by plugin instance",
              .action = Action::inbox_read,
              .response = "WebhookRefusal",
              .list = true,
              .handler = list_refusals});
  routes.add({.path = "/suspense-items",
              .summary = "Money that arrived and belongs to no payment, oldest first",
              .action = Action::inbox_read,
              .response = "SuspenseItem",
              .list = true,
              .query = {{"status", "open|assigned|returned", "In this status"}},
              .handler = list_suspense});
  routes.add({.path = "/suspense-items/{item}",
              .summary = "Money that arrived and belongs to no payment",
              .action = Action::inbox_read,
              .response = "SuspenseItem",
              .handler = read_suspense});
  routes.add({.verb = Verb::post,
              .path = "/suspense-items/{item}/assignment",
              .summary = "Say whose money it is",
              .action = Action::suspense_assign,
              .request = "SuspenseAssignment",
              .response = "SuspenseItem",
              .keyed = true,
              .handler = assign_suspense});
  routes.add({.verb = Verb::post,
              .path = "/suspense-items/{item}/return",
              .summary = "Record that the money was sent back by hand",
              .action = Action::suspense_assign,
              .request = "SuspenseReturn",
              .response = "SuspenseItem",
              .keyed = true,
              .handler = return_suspense});
}

}  // namespace bursar::http
