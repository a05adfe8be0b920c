#include "http/json_writer.hpp"

#include <charconv>

#include "base/assert.hpp"
#include "base/json_text.hpp"

namespace bursar::http {

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
  append_json_string(out_, text);
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
