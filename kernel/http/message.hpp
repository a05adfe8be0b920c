// A request as the handlers see it and the answer they give, in plain types. The server (server.hpp) has checked the
// request's form before: method, target and header fields are well-formed, the path is decoded and has no way round.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bursar::http {

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  std::string method = {};           // "GET", "POST", ...: upper case, one the server knows
  std::string target = {};           // as sent: "/api/v1/me?x=1"
  std::string path = {};             // decoded, valid UTF-8; begins with "/", has no dot segment, no backslash, no NUL
  std::string query = {};            // undecoded, without "?"
  std::vector<Header> headers = {};  // in the order sent
  std::string body = {};
  std::string peer = {};        // the address of the other side, without port
  std::string request_id = {};  // what this request is called in logs and in X-Request-Id

  // The value of the first field of that name (any case), or empty.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] bool has_header(std::string_view name) const;
  [[nodiscard]] int count_header(std::string_view name) const;
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers = {};  // further ones; the server adds length, request id and the security headers
  std::string body = {};

  void set_header(std::string name, std::string value);  // replaces one of that name
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

bool equals_ignoring_case(std::string_view a, std::string_view b);
bool is_valid_utf8(std::string_view text);
std::string_view trim(std::string_view text);  // spaces and tabs

// Text percent-decoded; false for a broken escape. '+' stays '+' unless `form`.
bool percent_decode(std::string_view text, bool form, std::string& out);

}  // namespace bursar::http
