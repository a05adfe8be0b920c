// application/x-www-form-urlencoded bodies and query strings, with the bracket notation for what is nested:
//
//   Form form;
//   form.add("amount", 1234);
//   form.add({"line_items", "0", "price_data", "currency"}, "eur");  // line_items[0][price_data][currency]=eur
//   request.body = form.encoded();
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace plugin_support {

// Everything but the unreserved characters of RFC 3986 becomes %XX. Also right for one segment of a path.
[[nodiscard]] inline std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

class Form {
 public:
  Form& add(std::string_view name, std::string_view value) { return add({name}, value); }
  Form& add(std::string_view name, std::int64_t value) { return add({name}, value); }
  Form& add(std::initializer_list<std::string_view> path, std::int64_t value) {
    return add(path, std::string_view(std::to_string(value)));
  }
  Form& add(std::initializer_list<std::string_view> path, std::string_view value) {
    if (!encoded_.empty()) encoded_ += '&';
    bool first = true;
    for (const std::string_view part : path) {
      if (!first) encoded_ += '[';
      encoded_ += percent_encoded(part);
      if (!first) encoded_ += ']';
      first = false;
    }
    encoded_ += '=';
    encoded_ += percent_encoded(value);
    return *this;
  }
  // Left out when there is nothing to say: an empty value often means "remove".
  Form& add_unless_empty(std::string_view name, std::string_view value) { return add_unless_empty({name}, value); }
  Form& add_unless_empty(std::initializer_list<std::string_view> path, std::string_view value) {
    return value.empty() ? *this : add(path, value);
  }

  [[nodiscard]] const std::string& encoded() const { return encoded_; }
  [[nodiscard]] bool empty() const { return encoded_.empty(); }
  // The address with these as its query.
  [[nodiscard]] std::string appended_to(std::string_view url) const {
    std::string out(url);
    if (!encoded_.empty()) out.append(out.find('?') == std::string::npos ? "?" : "&").append(encoded_);
    return out;
  }

 private:
  std::string encoded_;
};

}  // namespace plugin_support
