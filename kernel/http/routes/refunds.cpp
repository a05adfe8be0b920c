#include "payments/refunds.hpp"

#include "accounts/audit.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "payments/disputes.hpp"
#include "payments/payments.hpp"
#include "payments/refund_requests.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

constexpr std::size_t most_lines = 200;

std::optional<settings::RefundedService> refunded_service(ObjectReader& in) {
  const auto word = in.optional_choice("service", {"keep", "cancel", "terminate_now"});
  return word ? payments::refunded_service(*word) : std::nullopt;
}

std::optional<payments::RefundDestination> destination(ObjectReader& in) {
  const auto word = in.optional_choice("destination", {"gateway", "credit", "external"});
  return word ? payments::refund_destination(*word) : std::nullopt;
}

std::vector<LineId> line_ids(ObjectReader& in) {
  return in.has("line_ids") ? in.id_list<LineId>("line_ids", {.max = most_lines}) : std::vector<LineId>();
}

Result<Answer> render_refund(const Call& call, storage::Connection& c, RefundId id) {
  const auto refund = payments::find_refund(c, id);
  BURSAR_ASSERT(refund.has_value());
  JsonWriter w;
  write_refund(w, call.app.ids, *refund);
  return call.answer(std::move(w));
}

Result<Answer> refund_payment(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  payments::NewRefund refund;
  refund.amount = in.optional_money("amount");
  refund.destination = destination(in).value_or(payments::RefundDestination::gateway);
  refund.lines = line_ids(in);
  refund.service = refunded_service(in);
  refund.reason = in.text("reason", {.max = 500});
  refund.reference = in.optional_text("reference", {.min = 0, .max = 200}).value_or("");
  refund.gateway = in.optional_text("gateway", {.min = 0, .max = 40}).value_or("");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(payment, call.id<PaymentId>("payment"));
  refund.payment = payment;
  Result<Answer> answer = call.once("record_refund", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(id, payments::record_refund(tx, *call.app.payment_context, refund, call.actor(), call.now));
    return render_refund(call, tx, id);
  });
  call.wake_workers();
  return answer;
}

Result<Answer> list_refunds(Call& call) {
  BURSAR_TRY(page, call.page());
  BURSAR_TRY(payment, call.id<PaymentId>("payment"));
  std::vector<payments::Refund> rest;
  for (auto& refund : call.app.db.read([&](storage::Connection& c) { return payments::refunds_of(c, payment); })) {
    if (refund.id.value() > page.after) rest.push_back(std::move(refund));
  }
  return call.list(
      std::move(rest), page, [](const auto& r) { return r.id.value(); },
      [&](JsonWriter& w, const auto& r) { write_refund(w, call.app.ids, r); });
}

Result<Answer> render_request(const Call& call, storage::Connection& c, RefundRequestId id) {
  const auto request = payments::find_refund_request(c, id);
  if (!request) return not_found("no_such_object", "There is no such request.");
  JsonWriter w;
  write_refund_request(w, call.app.ids, *request);
  return call.versioned(std::move(w), request->version);
}

Result<Answer> request_refund(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  payments::NewRefundRequest request;
  request.amount = in.optional_money("amount");
  request.lines = line_ids(in);
  request.reason = in.text("reason", {.max = 500});
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(payment, call.id<PaymentId>("payment"));
  request.payment = payment;
  Result<Answer> answer = call.once("request_refund", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(id, payments::request_refund(tx, *call.app.payment_context, request, call.actor(), call.now));
    return render_request(call, tx, id);
  });
  call.wake_workers();
  return answer;
}

Result<Answer> list_requests_by(Call& call, payments::RefundRequestFilter filter) {
  BURSAR_TRY(page, call.page());
  if (const auto text = call.query("status")) {
    filter.status = payments::refund_request_status(*text);
  }
  filter.before = RefundRequestId(page.after);
  filter.limit = page.fetch();
  auto requests = call.app.db.read([&](storage::Connection& c) { return payments::list_refund_requests(c, filter); });
  return call.list(
      std::move(requests), page, [](const auto& r) { return r.id.value(); },
      [&](JsonWriter& w, const auto& r) { write_refund_request(w, call.app.ids, r); });
}

Result<Answer> list_requests_of_payment(Call& call) {
  BURSAR_TRY(payment, call.id<PaymentId>("payment"));
  return list_requests_by(call, {.payment = payment});
}

// Staff see every account's, a customer those of the own accounts.
Result<Answer> list_requests(Call& call) {
  payments::RefundRequestFilter filter;
  if (!call.require(Action::accounts_list).ok()) {
    for (const auto& membership : call.caller.memberships) {
      if (accounts::decide(call.caller, Action::payments_read, membership.account) == accounts::Decision::allow)
        filter.accounts.push_back(membership.account);
    }
    if (filter.accounts.empty()) {
      return call.list(
          std::vector<payments::StoredRefundRequest>(), Page{}, [](const auto& r) { return r.id.value(); },
          [](JsonWriter&, const auto&) {});
    }
  }
  return list_requests_by(call, std::move(filter));
}

Result<Answer> read_request(Call& call) {
  BURSAR_TRY(id, call.id<RefundRequestId>("refund_request"));
  return call.app.db.read([&](storage::Connection& c) { return render_request(call, c, id); });
}

Status check_version(storage::Connection& c, RefundRequestId id, std::optional<std::int64_t> expected) {
  const auto request = payments::find_refund_request(c, id);
  if (!expected || (request && request->version == *expected)) return {};
  return Error{.kind = ErrorKind::precondition_failed,
               .code = "version_changed",
               .detail = "The request has changed since you read it."};
}

Result<Answer> decide_request(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  payments::RefundDecision decision;
  decision.approve = in.choice("decision", {"approve", "decline"}) == "approve";
  decision.destination = destination(in);
  decision.amount = in.optional_money("amount");
  decision.reason = in.optional_text("reason", {.min = 0, .max = 500}).value_or("");
  decision.override_reason = in.optional_text("override_reason", {.min = 0, .max = 500}).value_or("");
  decision.service = refunded_service(in);
  decision.reference = in.optional_text("reference", {.min = 0, .max = 200}).value_or("");
  decision.gateway = in.optional_text("gateway", {.min = 0, .max = 40}).value_or("");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<RefundRequestId>("refund_request"));
  BURSAR_TRY(version, call.if_match());
  Result<Answer> answer = call.once("decide_refund_request", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_CHECK(check_version(tx, id, version));
    BURSAR_CHECK(payments::decide_refund_request(tx, *call.app.payment_context, id, decision, call.actor(), call.now));
    return render_request(call, tx, id);
  });
  call.wake_workers();
  return answer;
}

Result<Answer> withdraw_request(Call& call) {
  BURSAR_TRY(id, call.id<RefundRequestId>("refund_request"));
  return call.once("withdraw_refund_request", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_CHECK(payments::withdraw_refund_request(tx, id, call.actor(), call.now));
    return render_request(call, tx, id);
  });
}

Result<Answer> book_dispute(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  payments::DisputeEvent event;
  event.reference = in.text("reference", {.max = 200});
  event.status = payments::dispute_status(in.choice("status", {"opened", "won", "lost"}))
                     .value_or(payments::DisputeStatus::opened);
  event.amount = in.optional_money("amount");
  event.fee = in.optional_money("fee");
  event.reason = in.optional_text("reason", {.min = 0, .max = 500}).value_or("");
  event.respond_by = in.optional_instant("respond_by");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(payment, call.id<PaymentId>("payment"));
  event.payment = payment;
  Result<Answer> answer = call.once("book_dispute", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(id, payments::book_dispute(tx, *call.app.payment_context, event, call.actor(), call.now));
    JsonWriter w;
    write_dispute(w, call.app.ids, *payments::find_dispute(tx, id));
    return call.answer(std::move(w));
  });
  call.wake_workers();
  return answer;
}

Result<Answer> list_disputes_of_payment(Call& call) {
  BURSAR_TRY(page, call.page());
  BURSAR_TRY(payment, call.id<PaymentId>("payment"));
  std::vector<payments::Dispute> rest;
  for (auto& dispute : call.app.db.read([&](storage::Connection& c) { return payments::disputes_of(c, payment); })) {
    if (dispute.id.value() > page.after) rest.push_back(std::move(dispute));
  }
  return call.list(
      std::move(rest), page, [](const auto& d) { return d.id.value(); },
      [&](JsonWriter& w, const auto& d) { write_dispute(w, call.app.ids, d); });
}

Result<Answer> list_disputes(Call& call) {
  BURSAR_TRY(page, call.page());
  std::optional<payments::DisputeStatus> status;
  if (const auto text = call.query("status")) {
    status = payments::dispute_status(*text);
  }
  auto disputes = call.app.db.read(
      [&](storage::Connection& c) { return payments::list_disputes(c, status, DisputeId(page.after), page.fetch()); });
  return call.list(
      std::move(disputes), page, [](const auto& d) { return d.id.value(); },
      [&](JsonWriter& w, const auto& d) { write_dispute(w, call.app.ids, d); });
}

void add_request_routes(RouteTable& routes) {
  const QueryParameter status{"status", "requested|approved|declined|withdrawn", "In this status"};
  routes.add({.verb = Verb::post,
              .path = "/payments/{payment}/refund-requests",
              .summary = "Ask for a refund; the answer tells what the rules say",
              .action = Action::refunds_request,
              .subject = Subject::payment,
              .request = "NewRefundRequest",
              .response = "RefundRequest",
              .keyed = true,
              .success = 201,
              .handler = request_refund});
  routes.add({.path = "/payments/{payment}/refund-requests",
              .summary = "The payment's requests for a refund, newest first",
              .action = Action::payments_read,
              .subject = Subject::payment,
              .response = "RefundRequest",
              .list = true,
              .query = {status},
              .handler = list_requests_of_payment});
  routes.add({.path = "/refund-requests",
              .summary = "Requests for refunds that the caller may see, newest first",
              .access = Access::login,
              .response = "RefundRequest",
              .list = true,
              .query = {status},
              .handler = list_requests});
  routes.add({.path = "/refund-requests/{refund_request}",
              .summary = "A request with the verdict of the rules and why",
              .action = Action::payments_read,
              .subject = Subject::refund_request,
              .response = "RefundRequest",
              .handler = read_request});
  routes.add({.verb = Verb::delete_,
              .path = "/refund-requests/{refund_request}",
              .summary = "Withdraw a request that is not decided yet",
              .action = Action::refunds_request,
              .subject = Subject::refund_request,
              .response = "RefundRequest",
              .handler = withdraw_request});
  routes.add({.verb = Verb::put,
              .path = "/refund-requests/{refund_request}/decision",
              .summary = "Approve or decline a request",
              .action = Action::refunds_decide,
              .subject = Subject::refund_request,
              .request = "RefundDecision",
              .response = "RefundRequest",
              .handler = decide_request});
}
}  // namespace

void add_refund_routes(RouteTable& routes) {
  routes.add({.verb = Verb::post,
              .path = "/payments/{payment}/refunds",
              .summary = "Give money back",
              .action = Action::payments_refund,
              .subject = Subject::payment,
              .request = "NewRefund",
              .response = "Refund",
              .keyed = true,
              .success = 201,
              .handler = refund_payment});
  routes.add({.path = "/payments/{payment}/refunds",
              .summary = "What was given back of the payment",
              .action = Action::payments_read,
              .subject = Subject::payment,
              .response = "Refund",
              .list = true,
              .handler = list_refunds});
  add_request_routes(routes);
  routes.add({.verb = Verb::post,
              .path = "/payments/{payment}/disputes",
              .summary = "Book a dispute that the gateway told otherwise than by its messages, or how it ended",
              .action = Action::payments_dispute,
              .subject = Subject::payment,
              .request = "NewDispute",
              .response = "Dispute",
              .keyed = true,
              .success = 201,
              .handler = book_dispute});
  routes.add({.path = "/payments/{payment}/disputes",
              .summary = "The payment's disputes",
              .action = Action::payments_read,
              .subject = Subject::payment,
              .response = "Dispute",
              .list = true,
              .handler = list_disputes_of_payment});
  routes.add({.path = "/disputes",
              .summary = "Every dispute, newest first",
              .action = Action::accounts_list,
              .response = "Dispute",
              .list = true,
              .query = {{"status", "opened|won|lost", "In this status"}},
              .handler = list_disputes});
}

}  // namespace bursar::http
