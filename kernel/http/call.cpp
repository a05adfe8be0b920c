#include "http/call.hpp"

#include <algorithm>
#include <charconv>

#include "accounts/audit.hpp"
#include "accounts/tokens.hpp"
#include "http/etag.hpp"

namespace bursar::http {

namespace {
std::optional<int> page_limit(std::string_view text) {
  int limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  const bool whole = error == std::errc() && end == text.data() + text.size() && text.front() != '0';
  return whole && limit >= 1 && limit <= 200 ? std::optional(limit) : std::nullopt;
}

bool is_one_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view known = words.substr(0, words.find('|'));
    if (known == word) return true;
    words.remove_prefix(std::min(words.size(), known.size() + 1));
  }
  return false;
}

Error version_changed(std::string detail) {
  return {.kind = ErrorKind::precondition_failed,
          .code = "version_changed",
          .detail = std::move(detail),
          .cure = "Read it again, and send the ETag of that answer."};
}
}  // namespace

Call::Call(const Dependencies& dependencies, const CursorCodec& cursors, const Request& http_request,
           const RouteTable::Match& match)
    : app(dependencies),
      request(http_request),
      route(*match.route),
      now(dependencies.clock.now()),
      cursors_(cursors),
      parameters_(match.parameters) {}

std::string_view Call::parameter(std::string_view name) const {
  const auto at = std::find_if(parameters_.begin(), parameters_.end(), [&](const auto& p) { return p.name == name; });
  BURSAR_ASSERT(at != parameters_.end());
  return at->value;
}

std::optional<std::string> Call::query(std::string_view name) const {
  const auto at = std::find_if(query_.begin(), query_.end(), [&](const auto& q) { return q.first == name; });
  return at == query_.end() ? std::nullopt : std::optional(at->second);
}

Status Call::read_query() {
  std::vector<FieldError> faults;
  std::string_view rest = request.query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::string name;
    std::string value;
    const bool decoded = percent_decode(pair.substr(0, equals), true, name) &&
                         percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true, value);
    if (!decoded || !is_valid_utf8(name) || !is_valid_utf8(value) || value.find('\0') != std::string::npos) {
      return Error{.kind = ErrorKind::malformed, .code = "bad_query", .detail = "The query is not well-formed."};
    }
    if (query(name)) {
      faults.push_back({"?" + name, "is given twice"});
    } else if (std::string fault = query_fault(name, value); !fault.empty()) {
      faults.push_back({"?" + name, std::move(fault)});
    }
    query_.emplace_back(std::move(name), std::move(value));
  }
  if (!faults.empty()) return invalid("invalid_query", "Some query parameters are wrong.", std::move(faults));
  return {};
}

std::string Call::query_fault(std::string_view name, const std::string& value) const {
  if (route.list && name == "limit") return page_limit(value) ? "" : "must be from 1 to 200";
  if (route.list && name == "cursor") return "";  // page() reads it, when the filters it belongs to are known
  const auto at = std::find_if(route.query.begin(), route.query.end(), [&](const auto& q) { return q.name == name; });
  if (at == route.query.end()) return "is not a parameter of this route";
  if (at->type == "date") return CivilDate::parse(value).ok() ? "" : "must be a date as 2027-01-31";
  if (at->type == "id") return app.ids.decode(at->id_prefix, value).ok() ? "" : "names nothing we know";
  if (at->type != "string" && !is_one_of(at->type, value)) {
    std::string words(at->type);
    for (std::size_t bar = words.find('|'); bar != std::string::npos; bar = words.find('|'))
      words.replace(bar, 1, ", ");
    return "must be one of " + words;
  }
  return "";
}

bool Call::body_is_named_json() const {
  const std::string_view type = request.header("Content-Type");
  const std::string_view media_type = trim(type.substr(0, type.find(';')));
  return equals_ignoring_case(media_type, "application/json") ||
         equals_ignoring_case(media_type, "application/merge-patch+json");
}

Status Call::read_body() {
  if (route.request.empty()) return {};
  JsonLimits limits;
  limits.depth = app.config.server.max_json_depth;
  limits.bytes = static_cast<std::size_t>(app.config.server.max_body_bytes);
  BURSAR_TRY(json, parse_json(request.body, limits));
  body = std::move(json);
  return {};
}

std::optional<CivilDate> Call::query_date(std::string_view name) const {
  const auto text = query(name);
  return text ? std::optional(CivilDate::parse(*text).value()) : std::nullopt;
}

Result<Page> Call::page() const {
  Page page;
  if (const auto text = query("limit")) page.limit = page_limit(*text).value();
  if (const auto text = query("cursor")) {
    BURSAR_TRY(after, cursors_.decode(*text, question()));
    page.after = after;
  }
  return page;
}

std::string Call::question() const {
  std::string out = request.path;
  for (const QueryParameter& parameter : route.query) {
    if (const auto value = query(parameter.name)) out.append("\n").append(parameter.name).append("=").append(*value);
  }
  return out;
}

std::string Call::next_cursor(std::int64_t key) const { return cursors_.encode(key, question()); }

accounts::Actor Call::actor() const {
  return {.kind = caller.is_staff() ? accounts::ActorKind::staff : accounts::ActorKind::user,
          .user = caller.user,
          .address = request.peer,
          .request_id = request.request_id};
}

void Call::audit(storage::Transaction& tx, AccountId of, std::string action, std::string object,
                 std::string detail) const {
  accounts::append_audit(tx, now,
                         {.actor = actor(),
                          .account = of,
                          .action = std::move(action),
                          .object = std::move(object),
                          .detail = std::move(detail)});
}

Status Call::require(accounts::Action action, AccountId of) const {
  switch (accounts::decide(caller, action, of)) {
    case accounts::Decision::allow:
      return {};
    case accounts::Decision::hidden:
      return not_found("no_such_object", "There is no such object.");
    case accounts::Decision::forbidden:
      break;
  }
  if (!caller.user) {
    return Error{.kind = ErrorKind::unauthenticated, .code = "login_required", .detail = "Log in to do this."};
  }
  return Error{.kind = ErrorKind::forbidden, .code = "not_allowed", .detail = "You may not do this."};
}

Result<std::optional<std::int64_t>> Call::if_match() const {
  std::string_view text = trim(request.header("If-Match"));
  if (text.empty() || text == "*") return std::optional<std::int64_t>();
  std::int64_t version = 0;
  if (text.size() > 2 && text.front() == '"' && text.back() == '"') {
    const std::string_view inner = text.substr(1, text.size() - 2);
    const auto [end, error] = std::from_chars(inner.data(), inner.data() + inner.size(), version);
    if (error == std::errc() && end == inner.data() + inner.size()) return std::optional<std::int64_t>(version);
  }
  return version_changed("If-Match names no version of this object.");
}

Status Call::if_match_content(const Answer& now_stored) const {
  if (!request.has_header("If-Match")) return {};
  if (now_stored.status == 200 && names_etag(request.header("If-Match"), content_etag(now_stored.body), false))
    return {};
  return version_changed("It has changed since you read it.");
}

Answer Call::versioned(JsonWriter&& w, std::int64_t version) const {
  Answer out = answer(std::move(w));
  out.set_header("ETag", "\"" + std::to_string(version) + "\"");
  return out;
}

Result<std::optional<IdempotencyKey>> Call::idempotency_key() const {
  const int given = request.count_header("Idempotency-Key");
  if (given == 0) {
    if (!route.keyed) return std::optional<IdempotencyKey>();
    return Error{.kind = ErrorKind::malformed,
                 .code = "idempotency_key_required",
                 .detail = "This request needs an Idempotency-Key header.",
                 .cure = "Send a fresh unique value, and the same one when you try again."};
  }
  if (given > 1)
    return Error{.kind = ErrorKind::malformed, .code = "bad_idempotency_key", .detail = "Send one Idempotency-Key."};
  BURSAR_TRY(key, parse_idempotency_key(request.header("Idempotency-Key")));
  IdempotencyKey out;
  // Staff act for many accounts: their keys are their own, so that no customer's key stands in their way.
  out.scope =
      account && !caller.is_staff() ? "a" + std::to_string(account.value()) : "u" + std::to_string(caller.user.value());
  out.route = std::string(to_text(route.verb)) + " " + std::string(route.path);
  out.key = std::move(key);
  out.body_hash = accounts::sha256_hex(request.path + "\n" + body.canonical());
  return std::optional<IdempotencyKey>(std::move(out));
}

Result<Answer> Call::once(const char* what, const std::function<Result<Answer>(storage::Transaction&)>& act) {
  BURSAR_TRY(key, idempotency_key());
  if (!key) return app.db.write(what, act);
  return answer_once(app.db, what, *key, now, act);
}

Result<Answer> Call::once_outside(const char* what, const OutsideAct& act) {
  BURSAR_TRY(key, idempotency_key());
  if (key) return answer_once_outside(app.db, what, *key, now, act);
  BURSAR_TRY(object, app.db.write(what, act.claim));
  BURSAR_CHECK(act.perform(object, {}));
  return app.db.read([&](storage::Connection& c) { return act.render(c, object); });
}

}  // namespace bursar::http
