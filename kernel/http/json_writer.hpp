// Writes JSON text straight into a string. Commas and quotes are its business, nesting the caller's (checked by
// assertion). Text must be UTF-8; what is not is replaced by U+FFFD, so that an answer is always valid JSON.
//
//   JsonWriter w;
//   w.begin_object().field("id", ids.text(invoice.id)).field("total", invoice.total).field("due_on", invoice.due_on);
//   w.key("lines").begin_array(); ... w.end_array();
//   w.end_object();
//   return std::move(w).take();
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"

namespace bursar::http {

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  template <std::same_as<bool> B>
  JsonWriter& value(B flag) {
    return raw(flag ? "true" : "false");
  }
  template <std::integral I>
  requires(!std::same_as<I, bool> && !std::same_as<I, char>) JsonWriter& value(I number) {
    return integer(static_cast<std::int64_t>(number));
  }
  JsonWriter& value(Money money);  // {"amount": "12.34", "currency": "USD"}
  JsonWriter& value(Instant instant) { return value(instant.to_string()); }
  JsonWriter& value(CivilDate date) { return value(date.to_string()); }
  JsonWriter& value(std::nullptr_t) { return null(); }
  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  template <class T>
  JsonWriter& value(const std::vector<T>& items) {
    begin_array();
    for (const T& item : items) value(item);
    return end_array();
  }
  JsonWriter& null() { return raw("null"); }
  // Text that is JSON already (a stored document). Never input.
  JsonWriter& raw(std::string_view json);

  template <class T>
  JsonWriter& field(std::string_view name, const T& of) {
    key(name);
    return value(of);
  }

  [[nodiscard]] const std::string& text() const { return out_; }
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  JsonWriter& integer(std::int64_t number);
  void separate();
  void open(char bracket);
  void close(char bracket);
  std::string out_;
  int depth_ = 0;
  bool first_ = true;  // nothing written yet at this level
  bool after_key_ = false;
};

}  // namespace bursar::http
