#include "http/request_form.hpp"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace bursar::http {

namespace {
constexpr std::array<std::string_view, 7> known_methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Refusal> check_length(const Request& request, int minor_version) {
  const int lengths = request.count_header("Content-Length");
  const int codings = request.count_header("Transfer-Encoding");
  if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0)) {
    return Refusal{400, "ambiguous_length", "The length of the body is given more than once."};
  }
  if (lengths == 1 && !is_digits(request.header("Content-Length"))) {
    return Refusal{400, "bad_content_length", "Content-Length must be a decimal number."};
  }
  if (codings == 0) return std::nullopt;
  if (minor_version == 0 || !equals_ignoring_case(request.header("Transfer-Encoding"), "chunked")) {
    return Refusal{400, "bad_transfer_encoding", "The only transfer coding taken is chunked, with HTTP/1.1."};
  }
  return std::nullopt;
}

std::optional<Refusal> check_fields(const Request& request, int minor_version, const FormLimits& limits) {
  if (static_cast<int>(request.headers.size()) > limits.headers) {
    return Refusal{431, "too_many_header_fields", "The request has too many header fields."};
  }
  const int hosts = request.count_header("Host");
  if (hosts > 1 || (hosts == 0 && minor_version == 1)) {
    return Refusal{400, "bad_host", "A request must name its Host exactly once."};
  }
  for (const Header& header : request.headers) {
    const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; };
    if (std::any_of(header.value.begin(), header.value.end(), is_control)) {
      return Refusal{400, "bad_header_field", "A header field holds a control character."};
    }
  }
  const std::string_view coding = request.header("Content-Encoding");
  if (!coding.empty() && !equals_ignoring_case(coding, "identity")) {
    return Refusal{415, "content_encoding_not_taken", "Send the body without a content coding."};
  }
  const std::string_view expect = request.header("Expect");
  if (!expect.empty() && !equals_ignoring_case(expect, "100-continue")) {
    return Refusal{417, "expectation_not_known", "The only expectation met is 100-continue."};
  }
  return std::nullopt;
}

bool is_address(const std::string& text) {
  in6_addr ignored{};
  return inet_pton(AF_INET, text.c_str(), &ignored) == 1 || inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // "/"
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

std::optional<Refusal> check_target(Request& request, const FormLimits& limits) {
  const Refusal bad{400, "bad_path", "The request target is not a plain path."};
  const std::string_view target = request.target;
  if (target.size() > limits.target_bytes) return Refusal{414, "target_too_long", "The request target is too long."};
  if (target.empty() || target.front() != '/') return bad;  // absolute-form, "*" and authority-form too
  const auto is_unfit = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F || c == '#';
  };
  if (std::any_of(target.begin(), target.end(), is_unfit)) return bad;

  const std::string_view raw_path = target.substr(0, target.find('?'));
  request.query = raw_path.size() < target.size() ? std::string(target.substr(raw_path.size() + 1)) : std::string();
  if (!percent_decode(raw_path, false, request.path) || !is_valid_utf8(request.path)) return bad;
  // An encoded slash would be one segment to some and two to others.
  if (std::count(raw_path.begin(), raw_path.end(), '/') != std::count(request.path.begin(), request.path.end(), '/'))
    return bad;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\'; };
  if (std::any_of(request.path.begin(), request.path.end(), is_control) || has_dot_segment(request.path)) return bad;
  return std::nullopt;
}
}  // namespace

std::optional<Refusal> check_form(Request& request, int minor_version, const FormLimits& limits) {
  if (std::find(known_methods.begin(), known_methods.end(), request.method) == known_methods.end()) {
    const bool is_standard = request.method == "TRACE" || request.method == "CONNECT";
    return Refusal{is_standard ? 501 : 400, "method_not_known", "The request method is not one of ours."};
  }
  if (auto refusal = check_length(request, minor_version)) return refusal;
  if (auto refusal = check_fields(request, minor_version, limits)) return refusal;
  return check_target(request, limits);
}

std::optional<Refusal> check_head_bytes(std::string_view head) {
  const Refusal bad{400, "bad_head", "The head of the request is malformed."};
  bool first = true;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return bad;
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return bad;
    if (line.empty()) return head.empty() && !first ? std::nullopt : std::optional(bad);
    if (!first) {
      const std::size_t colon = line.find(':');
      if (colon == 0 || colon == std::string_view::npos) return bad;
      if (line.substr(0, colon).find_first_of(" \t") != std::string_view::npos) return bad;  // folded ones as well
    }
    first = false;
  }
  return bad;
}

std::string client_address(const Request& request, std::string_view peer, const std::vector<std::string>& trusted) {
  const auto is_trusted = [&](std::string_view address) {
    return std::find(trusted.begin(), trusted.end(), address) != trusted.end();
  };
  std::string client(peer);
  // Several fields are one list.
  for (auto header = request.headers.rbegin(); header != request.headers.rend() && is_trusted(client); ++header) {
    if (!equals_ignoring_case(header->name, "X-Forwarded-For")) continue;
    std::string_view rest = header->value;
    while (!rest.empty() && is_trusted(client)) {
      const std::size_t comma = rest.rfind(',');
      const std::string entry(trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1)));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
      if (!is_address(entry)) return client;
      client = entry;
    }
  }
  return client;
}

std::string choose_request_id(std::string_view proposed) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
  };
  if (!proposed.empty() && proposed.size() <= 64 && std::all_of(proposed.begin(), proposed.end(), is_plain)) {
    return std::string(proposed);
  }
  thread_local std::array<std::uint8_t, 256> pool;
  thread_local std::size_t used = pool.size();
  if (used == pool.size()) {
    std::size_t filled = 0;
    while (filled < pool.size()) {
      const ssize_t got = getrandom(pool.data() + filled, pool.size() - filled, 0);
      if (got > 0) filled += static_cast<std::size_t>(got);
    }
    used = 0;
  }
  constexpr char digits[] = "0123456789abcdef";
  std::string id = "req_";
  for (int i = 0; i < 16; ++i) {
    const std::uint8_t byte = pool[used++];
    id += digits[byte >> 4];
    id += digits[byte & 15];
  }
  return id;
}

}  // namespace bursar::http
