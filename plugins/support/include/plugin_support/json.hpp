// Reading a provider's JSON answers. What is missing or has another type than the provider's description says makes the
// answer one that can't be read, and an answer that can't be read says nothing about what happened: every function
// throws bursar::OutcomeUnknown, whose text names the place ("payment_intent.amount_received is no whole number") and
// never the content, which may be secret.
//
//   const Json answer = parse_json(response.body, "Stripe");
//   const Object intent(answer, "payment_intent");
//   intent.text("id"); intent.integer("amount"); intent.object("last_payment_error").optional_text("code");
#pragma once

#include <bursar/values.hpp>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plugin_support {

using Json = nlohmann::json;

// `whose` is named in the error: "Stripe".
inline Json parse_json(std::string_view text, std::string_view whose) {
  Json parsed = Json::parse(text, nullptr, false);
  if (parsed.is_discarded()) throw bursar::OutcomeUnknown("the answer of " + std::string(whose) + " is no JSON");
  return parsed;
}

// A JSON object inside an answer, together with the path to it. Borrows: the Json must outlive it.
class Object {
 public:
  Object(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {
    if (!json_->is_object()) throw bursar::OutcomeUnknown(path_ + " is no object");
  }

  // There, and not null.
  [[nodiscard]] bool has(std::string_view name) const {
    const auto found = json_->find(name);
    return found != json_->end() && !found->is_null();
  }

  [[nodiscard]] std::string text(std::string_view name) const {
    const Json& value = at(name);
    if (!value.is_string()) fault(name, "is no text");
    return value.get<std::string>();
  }
  [[nodiscard]] std::string optional_text(std::string_view name) const {
    return has(name) ? text(name) : std::string();
  }

  // Whole numbers only: 12.0 and 1e3 were written by something that counts money in floating point.
  [[nodiscard]] std::int64_t integer(std::string_view name) const {
    const Json& value = at(name);
    if (value.is_number_unsigned()) {
      const auto number = value.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) fault(name, "is too large");
      return static_cast<std::int64_t>(number);
    }
    if (!value.is_number_integer()) fault(name, "is no whole number");
    return value.get<std::int64_t>();
  }
  [[nodiscard]] std::optional<std::int64_t> optional_integer(std::string_view name) const {
    return has(name) ? std::optional(integer(name)) : std::nullopt;
  }

  [[nodiscard]] bool boolean(std::string_view name) const {
    const Json& value = at(name);
    if (!value.is_boolean()) fault(name, "is neither true nor false");
    return value.get<bool>();
  }
  [[nodiscard]] bool boolean_or(std::string_view name, bool otherwise) const {
    return has(name) ? boolean(name) : otherwise;
  }

  [[nodiscard]] Object object(std::string_view name) const { return {at(name), path_of(name)}; }
  [[nodiscard]] std::optional<Object> optional_object(std::string_view name) const {
    return has(name) ? std::optional(object(name)) : std::nullopt;
  }
  [[nodiscard]] std::vector<Object> objects(std::string_view name) const {
    const Json& value = at(name);
    if (!value.is_array()) fault(name, "is no list");
    std::vector<Object> out;
    out.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i)
      out.emplace_back(value[i], path_of(name) + "[" + std::to_string(i) + "]");
    return out;
  }

  // Some providers send either an id or the whole object with that id ("expanded").
  [[nodiscard]] bool is_object(std::string_view name) const { return has(name) && at(name).is_object(); }
  [[nodiscard]] std::string id_of(std::string_view name) const {
    if (!has(name)) return {};
    return is_object(name) ? object(name).text("id") : text(name);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Json& json() const { return *json_; }
  [[noreturn]] void fault(std::string_view name, std::string_view what) const {
    throw bursar::OutcomeUnknown(path_of(name) + " " + std::string(what));
  }

 private:
  [[nodiscard]] const Json& at(std::string_view name) const {
    const auto found = json_->find(name);
    if (found == json_->end() || found->is_null()) fault(name, "is missing");
    return *found;
  }
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ + "." + std::string(name); }

  const Json* json_;
  std::string path_;
};

}  // namespace plugin_support
