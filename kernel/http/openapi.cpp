#include "http/openapi.hpp"

#include <functional>
#include <map>
#include <set>

#include "base/assert.hpp"
#include "http/json_writer.hpp"
#include "http/schemas.hpp"

namespace bursar::http {

namespace {
void write_type(JsonWriter& w, std::string_view type, bool nullable);

void write_reference(JsonWriter& w, std::string_view name) {
  w.begin_object().field("$ref", "#/components/schemas/" + std::string(name)).end_object();
}

void write_plain(JsonWriter& w, std::string_view type, std::string_view format, bool nullable) {
  w.begin_object().key("type");
  if (nullable) {
    w.begin_array().value(type).value("null").end_array();
  } else {
    w.value(type);
  }
  if (!format.empty()) w.field("format", format);
  w.end_object();
}

void write_type(JsonWriter& w, std::string_view type, bool nullable) {
  if (type == "string" || type == "id") return write_plain(w, "string", "", nullable);
  if (type == "date") return write_plain(w, "string", "date", nullable);
  if (type == "instant") return write_plain(w, "string", "date-time", nullable);
  if (type == "integer" || type == "boolean" || type == "object") return write_plain(w, type, "", nullable);
  if (type.front() == '[') {
    w.begin_object().field("type", "array").key("items");
    write_type(w, type.substr(1, type.size() - 2), false);
    w.end_object();
    return;
  }
  if (find_schema(type) != nullptr) {
    if (!nullable) return write_reference(w, type);
    w.begin_object().key("anyOf").begin_array();
    write_reference(w, type);
    write_plain(w, "null", "", false);
    w.end_array().end_object();
    return;
  }
  BURSAR_ASSERT(type.find('|') != std::string_view::npos);  // words, or a schema nobody wrote
  w.begin_object().field("type", "string").key("enum").begin_array();
  for (std::string_view words = type; !words.empty();) {
    const std::string_view word = words.substr(0, words.find('|'));
    w.value(word);
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  w.end_array().end_object();
}

// The schemas that stand in bodies of requests, which take no other field; answers may gain fields.
std::set<std::string_view> request_schemas(const RouteTable& routes) {
  std::set<std::string_view> found;
  const std::function<void(std::string_view)> visit = [&](std::string_view type) {
    if (type.front() == '[') type = type.substr(1, type.size() - 2);
    const Schema* schema = find_schema(type);
    if (schema == nullptr || !found.insert(schema->name).second) return;
    for (const SchemaField& field : fields_of(*schema)) visit(field.type);
  };
  for (const Route& route : routes.routes()) {
    if (!route.request.empty()) visit(route.request);
  }
  return found;
}

void write_schema(JsonWriter& w, const Schema& schema, bool strict) {
  w.key(schema.name).begin_object().field("type", "object");
  if (strict) w.field("additionalProperties", false);
  w.key("properties").begin_object();
  for (const SchemaField& field : fields_of(schema)) {
    w.key(field.name);
    write_type(w, field.type, field.nullable);
  }
  w.end_object().key("required").begin_array();
  for (const SchemaField& field : fields_of(schema)) {
    if (!field.optional) w.value(field.name);
  }
  w.end_array().end_object();
}

void write_parameter(JsonWriter& w, std::string_view name, std::string_view in, bool required, std::string_view type,
                     std::string_view description) {
  w.begin_object().field("name", name).field("in", in).field("required", required);
  if (!description.empty()) w.field("description", description);
  w.key("schema");
  write_type(w, type, false);
  w.end_object();
}

void write_parameters(JsonWriter& w, const Route& route) {
  w.key("parameters").begin_array();
  for (std::size_t open = route.path.find('{'); open != std::string_view::npos; open = route.path.find('{', open + 1)) {
    const std::string_view name = route.path.substr(open + 1, route.path.find('}', open) - open - 1);
    write_parameter(w, name, "path", true, "string", "");
  }
  for (const QueryParameter& q : route.query) write_parameter(w, q.name, "query", false, q.type, q.description);
  if (route.list) {
    w.begin_object().field("name", "limit").field("in", "query").field("required", false);
    w.field("description", "At most so many").key("schema").begin_object().field("type", "integer");
    w.field("minimum", 1).field("maximum", 200).field("default", 50).end_object().end_object();
    write_parameter(w, "cursor", "query", false, "string", "next_cursor of the page before");
  }
  if (route.keyed) {
    write_parameter(w, "Idempotency-Key", "header", true, "string",
                    "A fresh value for each act; the same one to try it again");
  }
  if ((route.verb == Verb::patch || route.verb == Verb::put) && !route.response.empty()) {
    write_parameter(w, "If-Match", "header", false, "string", "The ETag that the change is based on");
  }
  w.end_array();
}

void write_content(JsonWriter& w, std::string_view media_type, const Route& route, std::string_view schema) {
  w.key("content").begin_object().key(media_type).begin_object().key("schema");
  if (route.list && media_type == "application/json") {
    w.begin_object().field("type", "object").key("properties").begin_object().key("data");
    write_type(w, "[" + std::string(schema) + "]", false);
    w.key("next_cursor");
    write_type(w, "string", true);
    w.end_object().key("required").begin_array().value("data").value("next_cursor").end_array().end_object();
  } else if (!route.or_response.empty()) {
    w.begin_object().key("oneOf").begin_array();
    write_reference(w, schema);
    write_reference(w, route.or_response);
    w.end_array().end_object();
  } else if (schema == "Object") {
    write_type(w, "object", false);
  } else {
    write_type(w, schema, false);
  }
  w.end_object().end_object();
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// "get_accounts_by_account_invoices"
std::string operation_id(const Route& route) {
  std::string out = lower(to_text(route.verb));
  for (const char c : route.path) {
    if (c == '/' || c == '-' || c == '.') {
      out += '_';
    } else if (c == '{') {
      out += "by_";
    } else if (c != '}') {
      out += c;
    }
  }
  return out;
}

bool has_etag(const Route& route) {
  return !route.list && !route.response.empty() && route.success == 200 && route.verb != Verb::post;
}

void write_headers(JsonWriter& w, bool etag, bool keyed) {
  const auto header = [&](std::string_view name, std::string_view description) {
    w.key(name).begin_object().field("description", description).key("schema");
    write_type(w, "string", false);
    w.end_object();
  };
  w.key("headers").begin_object();
  header("X-Request-Id", "What the logs call this request");
  header("RateLimit-Policy", "The limit of this caller");
  header("RateLimit", "What is left of it");
  if (etag) header("ETag", "The version of the object, for If-Match and If-None-Match");
  if (keyed) header("Idempotent-Replayed", "true: this is the stored answer of the first request with the key");
  w.end_object();
}

void write_operation(JsonWriter& w, const Route& route) {
  w.begin_object().field("operationId", operation_id(route)).field("summary", route.summary);
  if (route.action) w.field("x-permission", accounts::to_text(*route.action));
  w.key("security").begin_array();
  if (route.access == Access::open) {
    w.begin_object().end_object();
  } else {
    w.begin_object().key("bearer").begin_array().end_array().end_object();
    w.begin_object().key("cookie").begin_array().end_array().end_object();
  }
  w.end_array();
  write_parameters(w, route);
  if (!route.request.empty()) {
    w.key("requestBody").begin_object().field("required", true);
    write_content(w, "application/json", Route{}, route.request);
    w.end_object();
  }
  w.key("responses").begin_object();
  w.key(std::to_string(route.response.empty() ? 204 : route.success)).begin_object().field("description", "Done");
  write_headers(w, has_etag(route), route.keyed);
  if (route.response == "Text") {
    write_content(w, "text/plain", route, "string");
  } else if (!route.response.empty()) {
    write_content(w, "application/json", route, route.response);
  }
  w.end_object().key("default").begin_object().field("description", "A problem");
  write_headers(w, false, false);
  write_content(w, "application/problem+json", Route{}, "Problem");
  w.end_object().end_object().end_object();
}

}  // namespace

std::string write_openapi(const RouteTable& routes, std::string_view public_url) {
  std::map<std::string_view, std::vector<const Route*>> by_path;
  for (const Route& route : routes.routes()) by_path[route.path].push_back(&route);
  JsonWriter w;
  w.begin_object().field("openapi", "3.1.0");
  w.key("info").begin_object().field("title", "Bursar").field("version", "1").end_object();
  w.key("servers").begin_array().begin_object();
  w.field("url", std::string(public_url) + std::string(RouteTable::base_path)).end_object().end_array();
  w.key("paths").begin_object();
  for (const auto& [path, of_path] : by_path) {
    w.key(path).begin_object();
    for (const Route* route : of_path) {
      w.key(lower(to_text(route->verb)));
      write_operation(w, *route);
    }
    w.end_object();
  }
  w.end_object().key("components").begin_object().key("schemas").begin_object();
  const auto strict = request_schemas(routes);
  for (const Schema& schema : schemas()) write_schema(w, schema, strict.count(schema.name) > 0);
  w.end_object().key("securitySchemes").begin_object();
  w.key("bearer").begin_object().field("type", "http").field("scheme", "bearer").end_object();
  w.key("cookie")
      .begin_object()
      .field("type", "apiKey")
      .field("in", "cookie")
      .field("name", "bursar_session")
      .end_object();
  w.end_object().end_object().end_object();
  return std::move(w).take();
}

}  // namespace bursar::http
