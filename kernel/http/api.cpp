#include "http/api.hpp"

#include <openssl/crypto.h>

#include <algorithm>

#include "base/log.hpp"
#include "dunning/holds.hpp"
#include "http/authentication.hpp"
#include "http/call.hpp"
#include "http/etag.hpp"
#include "http/openapi.hpp"
#include "http/problem.hpp"
#include "http/routes/routes.hpp"
#include "http/static_files.hpp"
#include "http/store_metrics.hpp"

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
    case Subject::mass_payment:
      return first(c.query("SELECT account_id FROM mass_payments WHERE id = $1", id));
    case Subject::payment_method:
      return first(c.query("SELECT account_id FROM payment_methods WHERE id = $1 AND status = 'active'", id));
    case Subject::refund_request:
      return first(c.query("SELECT account_id FROM refund_requests WHERE id = $1", id));
    case Subject::hold:
      return first(c.query("SELECT account_id FROM holds WHERE id = $1", id));
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
    case Subject::mass_payment:
      return MassPaymentIdTag::prefix;
    case Subject::payment_method:
      return PaymentMethodIdTag::prefix;
    case Subject::refund_request:
      return RefundRequestIdTag::prefix;
    case Subject::hold:
      return HoldIdTag::prefix;
    case Subject::message:
      return MessageIdTag::prefix;
  }
  return "";
}

Error no_such_object() { return not_found("no_such_object", "There is no such object."); }

// Who asks and whose object the path names.
struct Standing {
  accounts::Authenticated who;
  std::optional<AccountId> owner;
};
Standing look_up(const IdCodec& ids, storage::Connection& c, const Credentials& credentials,
                 const RouteTable::Match& match, Instant now) {
  std::int64_t object = 0;
  if (match.route->subject != Subject::none) {
    const auto decoded = ids.decode(prefix_of(match.route->subject), match.parameters.front().value);
    if (decoded.ok()) object = *decoded;
  }
  Standing standing;
  if (!credentials.token.empty()) {
    if (auto who = accounts::authenticate(c, credentials.token, now)) standing.who = *std::move(who);
  }
  standing.owner = owner_of(c, match.route->subject, object);
  return standing;
}

// The text below the API's base path, or nothing.
std::optional<std::string_view> below_base(std::string_view path) {
  const std::string_view base = RouteTable::base_path;
  if (path.substr(0, base.size()) != base || path.size() <= base.size() || path[base.size()] != '/') return {};
  return path.substr(base.size());
}

bool is_loopback(std::string_view peer) { return peer == "::1" || peer.substr(0, 4) == "127."; }

// Every single resource bears an ETag, of its version or else of its content.
void tag(const Route& route, const Request& request, Answer& answer) {
  if (answer.status != 200 || route.list || route.verb == Verb::post) return;
  if (answer.header("ETag").empty()) answer.set_header("ETag", content_etag(answer.body));
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads || !names_etag(request.header("If-None-Match"), answer.header("ETag"), true)) return;
  answer.status = 304;
  answer.body.clear();
}

bool is_metrics_token(const Secret& token, const Request& request) {
  const auto given = credentials_of(request);
  return given.ok() && !given->from_cookie && given->token.size() == token.reveal().size() &&
         CRYPTO_memcmp(given->token.data(), token.reveal().data(), given->token.size()) == 0;
}

// What a failure answers. Only kernel faults come as other exceptions; their text stays inside.
Answer failure_answer(const std::exception& e, const Route& route, const Request& request) {
  const auto* of_store = dynamic_cast<const storage::StorageError*>(&e);
  if (of_store == nullptr)
    return problem(Error{.kind = ErrorKind::internal, .code = "unexpected_exception", .detail = e.what()},
                   request.request_id);
  log::error("request_storage_error", {{"detail", e.what()}, {"route", route.path}});
  if (of_store->transient())
    return problem(503, "store_unavailable", "The database is busy; try again in a moment.", request.request_id);
  return problem(Error{.kind = ErrorKind::internal, .code = "storage_error", .detail = e.what()}, request.request_id);
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
  route_metrics_ = std::make_unique<RouteMetrics[]>(routes_.routes().size());
  openapi_ = write_openapi(routes_, app_.config.server.public_url);
}

Api::~Api() = default;

Handlers Api::handlers(std::function<bool()> draining) {
  draining_ = std::move(draining);
  return {.immediate = [this](const Request& request) { return immediate(request); },
          .work = [this](const Request& request) { return handle(request); }};
}

std::optional<Answer> Api::immediate(const Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads) return std::nullopt;
  if (request.path == "/healthz") return Answer{.content_type = "text/plain; charset=utf-8", .body = "ok\n"};
  // Handing over to a worker and back costs more than a few rows by key. A store elsewhere may let its reader wait.
  if (app_.db.backend() != storage::Backend::sqlite) return std::nullopt;
  const auto path = below_base(request.path);
  if (!path) return std::nullopt;
  const RouteTable::Match match = routes_.find(request.method, *path);
  if (match.route == nullptr || !match.route->reader) return std::nullopt;
  const log::RequestScope scope(request.request_id);
  return handle_match(request, match, Place::event_loop);
}

Answer Api::metrics(const Request& request) const {
  const Secret& token = app_.config.server.metrics_token;
  if (!token.empty() && !is_metrics_token(token, request))
    return problem(401, "login_required", "Send the bearer token of server.metrics_token.", request.request_id);
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = store_metrics(app_.db, app_.clock) + app_.metrics.text()};
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
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (path == "/readyz" && reads) return readiness(request);
  if (path == "/metrics" && reads) return metrics(request);
  if (const auto api_path = below_base(path)) return handle_api(request, *api_path);
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
  return handle_match(request, match, Place::worker).value();
}

std::optional<Answer> Api::handle_match(const Request& request, const RouteTable::Match& match, Place place) {
  const auto started = std::chrono::steady_clock::now();
  std::optional<Answer> answer;
  Call call(app_, cursors_, request, match);
  try {
    answer = run(call, match, place);
    if (!answer) return std::nullopt;
    tag(*match.route, request, *answer);
  } catch (const std::exception& e) {
    answer = failure_answer(e, *match.route, request);
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  count(*match.route, answer->status, took.count());
  // The route's pattern and not the path: a path may hold a token.
  log::info("request", {{"method", request.method},
                        {"route", match.route->path},
                        {"status", answer->status},
                        {"microseconds", took.count()},
                        {"user", call.caller.user ? app_.ids.text(call.caller.user) : std::string()},
                        {"peer", request.peer}});
  return answer;
}

void Api::count(const Route& route, int status, std::int64_t microseconds) {
  RouteMetrics& known = route_metrics_[routes_.index(route)];
  const auto label = [&] {
    return "route=\"" + std::string(to_text(route.verb)) + " " + std::string(route.path) + "\"";
  };
  const auto answers = [&](int of) -> Counter& {
    return app_.metrics.counter("bursar_answers_total", "Answers by route and status",
                                label() + ",status=\"" + std::to_string(of) + "\"");
  };
  std::call_once(known.found, [&] {
    known.seconds = &app_.metrics.histogram("bursar_route_seconds", "Time of handlers by route", label());
    known.successes = &answers(route.success);
  });
  known.seconds->observe_us(microseconds);
  (status == route.success ? *known.successes : answers(status)).add();
}

std::optional<Answer> Api::run(Call& call, const RouteTable::Match& match, Place place) {
  const Result<Credentials> credentials = credentials_of(call.request);
  const auto look = [&](storage::Connection& c) {
    Standing standing = look_up(app_.ids, c, credentials.ok() ? *credentials : Credentials(), match, call.now);
    call.caller = standing.who.caller;
    return standing;
  };
  const auto touch = [&] {
    app_.db.write("touch_session", [&](storage::Transaction& tx) {
      accounts::touch_session(tx, call.caller.session, call.request.peer, call.now);
    });
  };
  if (match.route->reader) {
    bool touch_due = false;
    auto answer = app_.db.read([&](storage::Connection& c) -> std::optional<Answer> {
      const Standing standing = look(c);
      touch_due = standing.who.touch_due;
      if (touch_due && place == Place::event_loop) return std::nullopt;
      return limited(call, [&]() -> Result<Answer> {
        BURSAR_CHECK(admit(call, credentials, standing.owner));
        return handle_admitted(call, &c);
      });
    });
    if (touch_due && place == Place::worker) touch();
    return answer;
  }
  const Standing standing = app_.db.read(look);
  return limited(call, [&]() -> Result<Answer> {
    BURSAR_CHECK(admit(call, credentials, standing.owner));
    if (standing.who.touch_due) touch();
    return handle_admitted(call, nullptr);
  });
}

Answer Api::limited(Call& call, const std::function<Result<Answer>()>& proceed) {
  const Request& request = call.request;
  const Rate& rate = call.route.from_providers ? rates_.providers
                     : !call.caller.user       ? rates_.anonymous
                     : call.caller.is_staff()  ? rates_.staff
                                               : rates_.user;
  const std::string who = call.caller.user ? std::to_string(call.caller.user.value()) : request.peer;
  // Behind a proxy on this machine every anonymous caller looks the same: one could use up the rate of all.
  const bool limits = app_.config.server.rate_limits && (call.caller.user || !is_loopback(request.peer));
  const LimitDecision decision = limits ? limiter_.take(rate, who, std::chrono::steady_clock::now())
                                        : LimitDecision{.allowed = true, .remaining = rate.burst};
  Answer answer;
  if (!decision.allowed) {
    Error error{
        .kind = ErrorKind::too_many_requests, .code = "rate_limited", .detail = "Too many requests; slow down."};
    error.retry_after_seconds = decision.retry_after_seconds;
    answer = problem(error, request.request_id);
  } else {
    Result<Answer> result = proceed();
    answer = result.ok() ? *std::move(result) : problem(result.error(), request.request_id);
  }
  const std::string name = "\"" + std::string(rate.name) + "\"";
  const std::int64_t window = std::max<std::int64_t>(1, rate.burst / std::max<std::int64_t>(1, rate.per_second));
  answer.set_header("RateLimit-Policy", name + ";q=" + std::to_string(rate.burst) + ";w=" + std::to_string(window));
  answer.set_header("RateLimit", name + ";r=" + std::to_string(decision.remaining) +
                                     ";t=" + std::to_string(decision.retry_after_seconds));
  return answer;
}

// Whether the request may reach its handler.
Status Api::admit(Call& call, const Result<Credentials>& credentials, std::optional<AccountId> owner) const {
  if (!credentials.ok()) return credentials.error();
  BURSAR_CHECK(check_same_origin(call.request, *credentials, app_.config.server.public_url));
  const Route& route = call.route;
  if (route.access != Access::open && !call.caller.user &&
      !(route.action && accounts::decide({}, *route.action) == accounts::Decision::allow)) {
    return Error{.kind = ErrorKind::unauthenticated,
                 .code = "login_required",
                 .detail = "Log in, or send a valid bearer token."};
  }
  if (!owner) return no_such_object();
  call.account = *owner;
  if (!route.action) return {};
  return call.require(*route.action, accounts::is_about_an_account(*route.action) ? call.account : AccountId());
}

Result<Answer> Api::handle_admitted(Call& call, storage::Connection* connection) {
  // What a provider puts there is for its plugin to read.
  if (!call.route.from_providers) {
    BURSAR_CHECK(call.read_query());
  }
  if (!call.route.request.empty() && !call.body_is_named_json())
    return problem(415, "content_type_not_json", "Send the body as application/json.", call.request.request_id);
  BURSAR_CHECK(call.read_body());
  return connection != nullptr ? call.route.reader(call, *connection) : call.route.handler(call);
}

}  // namespace bursar::http
