// What a request must look like before any handler sees it: the defences against request smuggling and against paths
// that would reach a route by another spelling. Pure functions, so that tests and fuzzers reach them without a socket.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace bursar::http {

struct Refusal {
  int status;
  std::string_view code;
  std::string_view detail;
};

struct FormLimits {
  int headers = 100;
  std::size_t target_bytes = 8 * 1024;
};

// Checks the header fields and the target of a parsed head, and fills in path and query. `minor_version`: 0 or 1.
// A refused request's connection must be closed: where it ends is no longer certain.
std::optional<Refusal> check_form(Request& request, int minor_version, const FormLimits& limits);

// Whether the raw bytes of a head (request line and fields, with the empty line) hold a line end that is not CRLF, a
// folded field, a NUL, or a blank before a colon: what a lenient peer in front of us may have read otherwise.
std::optional<Refusal> check_head_bytes(std::string_view head);

// The address of who asks: `peer`, or what X-Forwarded-For says where the peer is a proxy that is trusted. Read from
// the right, as far as the entries are trusted proxies too: what stands further left anybody may have written.
std::string client_address(const Request& request, std::string_view peer, const std::vector<std::string>& trusted);

// The caller's own request id if it is sane (1 to 64 of letters, digits, '.', '_', '-'), else a random one.
std::string choose_request_id(std::string_view proposed);

}  // namespace bursar::http
