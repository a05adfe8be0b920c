// Reading JSON that may be anything: what is missing or of another type reads as empty, and nothing throws. PayPal
// leaves out what does not apply, and its refusals and events come in many shapes; what must be there is asked for by
// name where it is needed.
#pragma once

#include <bursar/values.hpp>
#include <optional>
#include <plugin_support/json.hpp>
#include <string>
#include <string_view>

namespace paypal {

using plugin_support::Json;

// Null for what is no JSON.
Json parse(std::string_view text);

// The member of an object, else null.
const Json& member(const Json& object, std::string_view name);
template <class... Names>
const Json& member(const Json& object, std::string_view first, Names... rest) {
  return member(member(object, first), rest...);
}

// The text of the innermost member, else empty.
std::string text(const Json& value);
template <class... Names>
std::string text(const Json& object, std::string_view first, Names... rest) {
  return text(member(object, first, rest...));
}

// The elements of an array; nothing for what is none.
const Json::array_t& elements(const Json& value);

// {"currency_code": "EUR", "value": "12.34"}
std::optional<bursar::Money> money(const Json& value);

// The `href` of the first link with this `rel`.
std::string link(const Json& resource, std::string_view rel);

// What PayPal calls an id, and so what may go into a path.
bool is_id(std::string_view text);

// At most `limit` bytes of text on one line, cut at a whole character.
std::string line(std::string_view text, std::size_t limit);

// "2026-01-31T08:15:00Z", with or without a fraction of a second; UTC only, as PayPal writes it.
std::optional<std::int64_t> milliseconds(std::string_view timestamp);

}  // namespace paypal
