#include "http/call.hpp"

#include <algorithm>
#include <charconv>

#include "accounts/audit.hpp"
#include "accounts/tokens.hpp"

namespace bursar::http {

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

Error Call::bad_query(std::string_view name, std::string detail) {
  return invalid("invalid_query", "A query parameter is wrong.", {{"?" + std::string(name), std::move(detail)}});
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
    const bool known =
        std::any_of(route.query.begin(), route.query.end(), [&](const auto& q) { return q.name == name; }) ||
        (route.list && (name == "limit" || name == "cursor"));
    if (!known) faults.push_back({"?" + name, "is not a parameter of this route"});
    if (known && query(name)) faults.push_back({"?" + name, "is given twice"});
    query_.emplace_back(std::move(name), std::move(value));
  }
  if (!faults.empty()) return invalid("invalid_query", "Some query parameters are wrong.", std::move(faults));
  return {};
}

Status Call::read_body() {
  if (route.request.empty()) return {};
  const std::string_view type = request.header("Content-Type");
  const std::string_view media_type = trim(type.substr(0, type.find(';')));
  if (!equals_ignoring_case(media_type, "application/json") &&
      !equals_ignoring_case(media_type, "application/merge-patch+json")) {
    return Error{
        .kind = ErrorKind::malformed, .code = "content_type_not_json", .detail = "Send the body as application/json."};
  }
  JsonLimits limits;
  limits.depth = app.config.server.max_json_depth;
  limits.bytes = static_cast<std::size_t>(app.config.server.max_body_bytes);
  BURSAR_TRY(json, parse_json(request.body, limits));
  body = std::move(json);
  return {};
}

Result<std::optional<CivilDate>> Call::query_date(std::string_view name) const {
  const auto text = query(name);
  if (!text) return std::optional<CivilDate>();
  const auto date = CivilDate::parse(*text);
  if (!date.ok()) return bad_query(name, "must be a date as 2027-01-31");
  return std::optional<CivilDate>(*date);
}

Result<Page> Call::page() const {
  Page page;
  if (const auto text = query("limit")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), page.limit);
    if (error != std::errc() || end != text->data() + text->size() || page.limit < 1 || page.limit > 200) {
      return bad_query("limit", "must be from 1 to 200");
    }
  }
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
  return Error{.kind = ErrorKind::precondition_failed,
               .code = "version_changed",
               .detail = "If-Match names no version of this object.",
               .cure = "Send the ETag of your last GET."};
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
  out.scope = account ? "a" + std::to_string(account.value()) : "u" + std::to_string(caller.user.value());
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

Result<Answer> Call::once_outside(const char* what,
                                  const std::function<Result<std::int64_t>(storage::Transaction&)>& claim,
                                  const std::function<Result<Answer>(std::int64_t)>& finish) {
  BURSAR_TRY(key, idempotency_key());
  if (key) return answer_once_outside(app.db, what, *key, now, claim, finish);
  BURSAR_TRY(object, app.db.write(what, claim));
  return finish(object);
}

}  // namespace bursar::http
