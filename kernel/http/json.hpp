// JSON from outside, read strictly. Refused, each with a code and without much work done: anything but one UTF-8
// document (byte order mark, trailing garbage, comments, lone surrogates, NaN), U+0000 in text (PostgreSQL can't hold
// it), a key twice in one object, nesting or a number of values beyond the limits.
//
// Numbers: what is a whole number of 64 bits is `integer`; every other number keeps its text as `number` and is never a
// double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace bursar::http {

class Json {
 public:
  enum class Kind { null, boolean, integer, number, string, array, object };

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_null() const { return kind_ == Kind::null; }
  [[nodiscard]] bool boolean() const { return integer_ != 0; }
  [[nodiscard]] std::int64_t integer() const { return integer_; }
  [[nodiscard]] const std::string& text() const { return text_; }               // of a string or number
  [[nodiscard]] const std::vector<Json>& items() const { return items_; }       // of an array; of an object, its values
  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }  // of an object, beside items()
  [[nodiscard]] const Json* find(std::string_view key) const;                   // of an object; null: absent

  static Json make_null() { return {}; }
  static Json make_boolean(bool value);
  static Json make_integer(std::int64_t value);
  static Json make_number(std::string text);
  static Json make_string(std::string text);
  static Json make_array() { return Json(Kind::array); }
  static Json make_object() { return Json(Kind::object); }
  void push(Json item) { items_.push_back(std::move(item)); }
  void set(std::string key, Json value);

  // The document again, in one canonical form: keys sorted, no spaces. Two bodies that say the same have one form.
  [[nodiscard]] std::string canonical() const;

  Json() = default;

 private:
  explicit Json(Kind kind) : kind_(kind) {}
  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<std::string> keys_;
};

std::string_view name_of(Json::Kind kind);  // "a string", for error texts

struct JsonLimits {
  int depth = 32;
  std::size_t values = 20'000;
  std::size_t bytes = 1024 * 1024;
};

// Errors are ErrorKind::malformed (HTTP 400).
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace bursar::http
