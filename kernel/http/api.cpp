#include "http/api.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "http/authentication.hpp"
#include "http/call.hpp"
#include "http/openapi.hpp"
#include "http/problem.hpp"
#include "http/routes/routes.hpp"
#include "http/static_files.hpp"

namespace bursar::http {

namespace {
// Whose account a path's object belongs to; none: there is no such object.
std::optional<AccountId> owner_of(storage::Connection& c, Subject subject, std::int64_t id) {
  const auto first = [](storage::Rows rows) {
    return rows.next() ? std::optional(rows.id<AccountId>(0)) : std::nullopt;
  };
  switch (subject) {
    case Subject::none:
      return AccountId();
    case Subject::account:
      return first(c.query("SELECT id FROM accounts WHERE id = $1", id));
    case Subject::service:
      return first(c.query("SELECT account_id FROM services WHERE id = $1", id));
    case Subject::invoice:
      return first(c.query("SELECT account_id FROM invoices WHERE id = $1", id));
    case Subject::payment:
      return first(c.query("SELECT account_id FROM payments WHERE id = $1", id));
    case Subject::payment_method:
      return first(c.query("SELECT account_id FROM payment_methods WHERE id = $1 AND status = 'active'", id));
    case Subject::refund_request:
      return first(c.query("SELECT account_id FROM refund_requests WHERE id = $1", id));
    case Subject::message:
      return first(c.query("SELECT account_id FROM messages WHERE id = $1", id));
  }
  return std::nullopt;
}

std::string_view prefix_of(Subject subject) {
  switch (subject) {
    case Subject::none:
      return "";
    case Subject::account:
      return AccountIdTag::prefix;
    case Subject::service:
      return ServiceIdTag::prefix;
    case Subject::invoice:
      return InvoiceIdTag::prefix;
    case Subject::payment:
      return PaymentIdTag::prefix;
    case Subject::payment_method:
      return PaymentMethodIdTag::prefix;
    case Subject::refund_request:
      return RefundRequestIdTag::prefix;
    case Subject::message:
      return MessageIdTag::prefix;
  }
  return "";
}

Error no_such_object() { return not_found("no_such_object", "There is no such object."); }

// Reads who asks and whose object the path names, in one look at the database.
struct Standing {
  accounts::Authenticated who;
  std::optional<AccountId> owner;
};
Standing look_up(const Dependencies& app, const Credentials& credentials, const RouteTable::Match& match, Instant now) {
  std::int64_t object = 0;
  if (match.route->subject != Subject::none) {
    const auto decoded = app.ids.decode(prefix_of(match.route->subject), match.parameters.front().value);
    if (decoded.ok()) object = *decoded;
  }
  return app.db.read([&](storage::Connection& c) {
    Standing standing;
    if (!credentials.token.empty()) {
      if (auto who = accounts::authenticate(c, credentials.token, now)) standing.who = *std::move(who);
    }
    standing.owner = owner_of(c, match.route->subject, object);
    return standing;
  });
}

bool is_loopback(std::string_view peer) { return peer == "::1" || peer.substr(0, 4) == "127."; }

void not_modified_if_known(const Request& request, Answer& answer) {
  const std::string_view etag = answer.header("ETag");
  if (answer.status != 200 || etag.empty() || request.header("If-None-Match") != etag) return;
  answer.status = 304;
  answer.body.clear();
}
}  // namespace

Api::Api(const Dependencies& dependencies, const Rates& rates)
    : app_(dependencies), rates_(rates), cursors_(app_.id_key) {
  add_all_routes(routes_, app_);
  routes_.add({.verb = Verb::get,
               .path = "/openapi.json",
               .summary = "This API as an OpenAPI 3.1 document",
               .access = Access::open,
               .response = "Object",
               .handler = [this](Call& /*call*/) -> Result<Answer> {
                 Answer answer{.body = openapi_};
                 answer.set_header("Cache-Control", "public, max-age=300");
                 return answer;
               }});
  openapi_ = write_openapi(routes_, app_.config.server.public_url);
}

Api::~Api() = default;

Handlers Api::handlers(std::function<bool()> draining) {
  draining_ = std::move(draining);
  return {.immediate = [this](const Request& request) { return immediate(request); },
          .work = [this](const Request& request) { return handle(request); }};
}

std::optional<Answer> Api::immediate(const Request& request) const {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads) return std::nullopt;
  if (request.path == "/healthz") return Answer{.content_type = "text/plain; charset=utf-8", .body = "ok\n"};
  if (request.path == "/metrics") {
    return Answer{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = app_.metrics.text()};
  }
  return std::nullopt;
}

Answer Api::readiness(const Request& request) const {
  if (draining_ && draining_())
    return problem(503, "shutting_down", "This process is shutting down.", request.request_id);
  const Status store = app_.db.ping();
  if (!store.ok()) return problem(503, "store_unavailable", "The database does not answer.", request.request_id);
  return {.content_type = "text/plain; charset=utf-8", .body = "ready\n"};
}

Answer Api::handle(const Request& request) {
  const std::string_view path = request.path;
  if (path == "/readyz" && (request.method == "GET" || request.method == "HEAD")) return readiness(request);
  const std::string_view base = RouteTable::base_path;
  if (path.substr(0, base.size()) == base && path.size() > base.size() && path[base.size()] == '/') {
    Answer answer = handle_api(request, path.substr(base.size()));
    not_modified_if_known(request, answer);
    return answer;
  }
  if (app_.plugins != nullptr) {
    if (auto answer = serve_frontend(*app_.plugins, request)) return *std::move(answer);
  }
  return problem(404, "no_such_route", "There is nothing at this address.", request.request_id);
}

Answer Api::handle_api(const Request& request, std::string_view path) {
  const RouteTable::Match match = routes_.find(request.method, path);
  if (match.route == nullptr) {
    if (match.allowed.empty())
      return problem(404, "no_such_route", "There is nothing at this address.", request.request_id);
    Answer answer = problem(405, "method_not_allowed", "This address takes " + match.allowed + ".", request.request_id);
    answer.set_header("Allow", match.allowed);
    return answer;
  }
  const std::string label =
      "route=\"" + std::string(to_text(match.route->verb)) + " " + std::string(match.route->path) + "\"";
  const auto started = std::chrono::steady_clock::now();
  Answer answer;
  try {
    Result<Answer> result = run(request, match);
    answer = result.ok() ? *std::move(result) : problem(result.error(), request.request_id);
  } catch (const storage::StorageError& e) {
    log::error("request_storage_error", {{"detail", e.what()}, {"route", match.route->path}});
    answer = e.transient()
                 ? problem(503, "store_unavailable", "The database is busy; try again in a moment.", request.request_id)
                 : problem(Error{.kind = ErrorKind::internal, .code = "storage_error", .detail = e.what()},
                           request.request_id);
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  app_.metrics.histogram("bursar_route_seconds", "Time of handlers by route", label).observe_us(took.count());
  app_.metrics
      .counter("bursar_answers_total", "Answers by route and status",
               label + ",status=\"" + std::to_string(answer.status) + "\"")
      .add();
  return answer;
}

Result<Answer> Api::run(const Request& request, const RouteTable::Match& match) {
  BURSAR_TRY(credentials, credentials_of(request));
  BURSAR_CHECK(check_same_origin(request, credentials, app_.config.server.public_url));
  Call call(app_, cursors_, request, match);
  Standing standing = look_up(app_, credentials, match, call.now);
  call.caller = std::move(standing.who.caller);

  const Rate& rate = !call.caller.user ? rates_.anonymous : call.caller.is_staff() ? rates_.staff : rates_.user;
  const std::string who = call.caller.user ? std::to_string(call.caller.user.value()) : request.peer;
  // Behind a proxy on this machine every anonymous caller looks the same: one could use up the rate of all.
  const bool limited = app_.config.server.rate_limits && (call.caller.user || !is_loopback(request.peer));
  const LimitDecision decision = limited ? limiter_.take(rate, who, std::chrono::steady_clock::now())
                                         : LimitDecision{.allowed = true, .remaining = rate.burst};
  const auto with_rate = [&](Answer answer) {
    const std::string name = "\"" + std::string(rate.name) + "\"";
    answer.set_header(
        "RateLimit-Policy",
        name + ";q=" + std::to_string(rate.burst) +
            ";w=" + std::to_string(std::max<std::int64_t>(1, rate.burst / std::max<std::int64_t>(1, rate.per_second))));
    answer.set_header("RateLimit", name + ";r=" + std::to_string(decision.remaining) +
                                       ";t=" + std::to_string(decision.retry_after_seconds));
    return answer;
  };
  const auto proceed = [&]() -> Result<Answer> {
    if (!decision.allowed) {
      Error error{
          .kind = ErrorKind::too_many_requests, .code = "rate_limited", .detail = "Too many requests; slow down."};
      error.retry_after_seconds = decision.retry_after_seconds;
      return error;
    }
    const Route& route = *match.route;
    if (route.access != Access::open && !call.caller.user &&
        !(route.action && accounts::decide({}, *route.action) == accounts::Decision::allow)) {
      return Error{.kind = ErrorKind::unauthenticated,
                   .code = "login_required",
                   .detail = "Log in, or send a valid bearer token."};
    }
    if (!standing.owner) return no_such_object();
    call.account = *standing.owner;
    if (route.action)
      BURSAR_CHECK(
          call.require(*route.action, accounts::is_about_an_account(*route.action) ? call.account : AccountId()));
    if (standing.who.touch_due) {
      app_.db.write("touch_session", [&](storage::Transaction& tx) {
        accounts::touch_session(tx, call.caller.session, request.peer, call.now);
      });
    }
    BURSAR_CHECK(call.read_query());
    BURSAR_CHECK(call.read_body());
    return route.handler(call);
  };
  Result<Answer> result = proceed();
  if (!result.ok()) return with_rate(problem(result.error(), request.request_id));
  return with_rate(*std::move(result));
}

}  // namespace bursar::http
