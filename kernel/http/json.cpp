#include "http/json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "http/json_writer.hpp"

namespace bursar::http {

namespace {
Error malformed(std::string code, std::string detail) {
  return {.kind = ErrorKind::malformed, .code = std::move(code), .detail = std::move(detail)};
}

// Builds the value while the parser reads and stops it at the first breach; the parser itself never recurses.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return add(Json::make_null()); }
  bool boolean(bool value) override { return add(Json::make_boolean(value)); }
  bool number_integer(number_integer_t value) override { return add(Json::make_integer(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<number_unsigned_t>(INT64_MAX))
      return add(Json::make_integer(static_cast<std::int64_t>(value)));
    return add(Json::make_number(std::to_string(value)));
  }
  bool number_float(number_float_t /*value*/, const string_t& text) override { return add(Json::make_number(text)); }
  bool string(string_t& text) override { return without_nul(text) && add(Json::make_string(std::move(text))); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*elements*/) override { return open(Json::make_object()); }
  bool key(string_t& name) override {
    if (!without_nul(name)) return false;
    names_.back() = std::move(name);
    return true;
  }
  bool end_object() override { return keys_differ(open_.back()) && close(); }
  bool start_array(std::size_t /*elements*/) override { return open(Json::make_array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return fail("json_is_malformed",
                "The body is not a JSON document; the fault is near byte " + std::to_string(position) + ".");
  }

  Json root;
  std::optional<Error> error;

 private:
  bool fail(std::string code, std::string detail) {
    if (!error) error = malformed(std::move(code), std::move(detail));
    return false;
  }
  bool without_nul(const std::string& text) {
    if (text.find('\0') == std::string::npos) return true;
    return fail("json_text_has_nul", "Text must not contain the character U+0000.");
  }
  bool count() {
    if (++values_ <= limits_.values) return true;
    return fail("json_has_too_many_values",
                "The document has more than " + std::to_string(limits_.values) + " values.");
  }
  bool add(Json value) {
    if (!count()) return false;
    if (open_.empty()) {
      root = std::move(value);
    } else if (open_.back().kind() == Json::Kind::object) {
      open_.back().set(std::move(names_.back()), std::move(value));
    } else {
      open_.back().push(std::move(value));
    }
    return true;
  }
  bool open(Json container) {
    if (static_cast<int>(open_.size()) >= limits_.depth) {
      return fail("json_is_too_deep",
                  "The document is nested deeper than " + std::to_string(limits_.depth) + " levels.");
    }
    open_.push_back(std::move(container));
    names_.emplace_back();
    return true;
  }
  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    names_.pop_back();
    return add(std::move(done));
  }
  bool keys_differ(const Json& object) {
    std::vector<std::string_view> sorted(object.keys().begin(), object.keys().end());
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice == sorted.end()) return true;
    return fail("json_key_is_repeated",
                "The key \"" + std::string(twice->substr(0, 100)) + "\" occurs twice in one object.");
  }

  const JsonLimits& limits_;
  std::vector<Json> open_;
  std::vector<std::string> names_;  // the key read last, for each open container
  std::size_t values_ = 0;
};

void write_canonical(JsonWriter& w, const Json& value) {
  switch (value.kind()) {
    case Json::Kind::null:
      w.null();
      return;
    case Json::Kind::boolean:
      w.value(value.boolean());
      return;
    case Json::Kind::integer:
      w.value(value.integer());
      return;
    case Json::Kind::number:
      w.raw(value.text());
      return;
    case Json::Kind::string:
      w.value(value.text());
      return;
    case Json::Kind::array:
      w.begin_array();
      for (const Json& item : value.items()) write_canonical(w, item);
      w.end_array();
      return;
    case Json::Kind::object:
      break;
  }
  std::vector<std::size_t> order(value.keys().size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return value.keys()[a] < value.keys()[b]; });
  w.begin_object();
  for (const std::size_t i : order) {
    w.key(value.keys()[i]);
    write_canonical(w, value.items()[i]);
  }
  w.end_object();
}
}  // namespace

const Json* Json::find(std::string_view key) const {
  const auto at = std::find(keys_.begin(), keys_.end(), key);
  return at == keys_.end() ? nullptr : &items_[static_cast<std::size_t>(at - keys_.begin())];
}

Json Json::make_boolean(bool value) {
  Json json(Kind::boolean);
  json.integer_ = value ? 1 : 0;
  return json;
}

Json Json::make_integer(std::int64_t value) {
  Json json(Kind::integer);
  json.integer_ = value;
  return json;
}

Json Json::make_number(std::string text) {
  Json json(Kind::number);
  json.text_ = std::move(text);
  return json;
}

Json Json::make_string(std::string text) {
  Json json(Kind::string);
  json.text_ = std::move(text);
  return json;
}

void Json::set(std::string key, Json value) {
  keys_.push_back(std::move(key));
  items_.push_back(std::move(value));
}

std::string Json::canonical() const {
  JsonWriter w;
  write_canonical(w, *this);
  return std::move(w).take();
}

std::string_view name_of(Json::Kind kind) {
  switch (kind) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return "a boolean";
    case Json::Kind::integer:
      return "a whole number";
    case Json::Kind::number:
      return "a number";
    case Json::Kind::string:
      return "a string";
    case Json::Kind::array:
      return "an array";
    case Json::Kind::object:
      return "an object";
  }
  return "";
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) return malformed("json_is_too_large", "The document is too large.");
  if (text.substr(0, 3) == "\xEF\xBB\xBF") {
    return malformed("json_has_byte_order_mark", "The document begins with a byte order mark; send plain UTF-8.");
  }
  Builder builder(limits);
  const bool read = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  if (builder.error) return *std::move(builder.error);
  if (!read) return malformed("json_is_malformed", "The body is not a JSON document.");
  return std::move(builder.root);
}

}  // namespace bursar::http
