#include "http/json_writer.hpp"

#include <charconv>

#include "base/assert.hpp"
#include "http/message.hpp"

namespace bursar::http {

namespace {
constexpr std::string_view replacement = "\xEF\xBF\xBD";

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u00";
  out += digits[c >> 4];
  out += digits[c & 15];
}

// The well-formed sequence at the start of `text`, or one byte to be replaced.
std::size_t next_sequence(std::string_view text, bool& valid) {
  for (const std::size_t length : {2U, 3U, 4U}) {
    if (length <= text.size() && is_valid_utf8(text.substr(0, length))) {
      valid = true;
      return length;
    }
  }
  valid = false;
  return 1;
}

void append_text(std::string& out, std::string_view text) {
  std::size_t plain = 0;  // start of the run not yet copied
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    bool valid = true;
    const std::size_t length = c < 0x80 ? 1 : next_sequence(text.substr(i), valid);
    if (c >= 0x80 && valid) {
      i += length;
      continue;
    }
    out.append(text, plain, i - plain);
    if (c < 0x80) {
      append_escape(out, c);
    } else {
      out += replacement;
    }
    i += length;
    plain = i;
  }
  out.append(text, plain, text.size() - plain);
}
}  // namespace

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
  } else {
    BURSAR_ASSERT(depth_ > 0 || out_.empty());
    if (!first_) out_ += ',';
  }
  first_ = false;
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  first_ = true;
  ++depth_;
}

void JsonWriter::close(char bracket) {
  BURSAR_ASSERT(depth_ > 0 && !after_key_);
  out_ += bracket;
  first_ = false;
  --depth_;
}

JsonWriter& JsonWriter::begin_object() { return open('{'), *this; }
JsonWriter& JsonWriter::end_object() { return close('}'), *this; }
JsonWriter& JsonWriter::begin_array() { return open('['), *this; }
JsonWriter& JsonWriter::end_array() { return close(']'), *this; }

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  out_ += '"';
  append_text(out_, text);
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(Money money) {
  separate();
  out_ += R"({"amount":")";
  out_ += money.to_decimal();
  out_ += R"(","currency":")";
  out_ += money.currency().code();
  out_ += "\"}";
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return raw({digits, static_cast<std::size_t>(end - digits)});
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

}  // namespace bursar::http
