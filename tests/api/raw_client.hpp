// A client that sends exactly the bytes it is given, for requests no honest client library would send.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bursar::testing {

struct RawAnswer {
  int status = 0;                              // 0: the connection closed (or nothing came) without an answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? std::string() : at->second;
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() {
    if (socket_ >= 0) ::close(socket_);
  }
  RawClient(RawClient&& other) noexcept : socket_(other.socket_), connected_(other.connected_) { other.socket_ = -1; }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  RawClient& operator=(RawClient&&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The next answer; `head_request`: it has no body whatever its length says.
  RawAnswer receive(int timeout_ms = 5000, bool head_request = false) {
    RawAnswer answer;
    std::size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(timeout_ms)) return answer;
    }
    parse_head(answer, std::string_view(input_).substr(0, end));
    input_.erase(0, end + 4);
    if (answer.status == 100) return answer;
    std::size_t length = 0;
    const std::string text = answer.header("content-length");
    std::from_chars(text.data(), text.data() + text.size(), length);
    if (head_request) length = 0;
    while (input_.size() < length) {
      if (!fill(timeout_ms)) break;
    }
    answer.body = input_.substr(0, length);
    input_.erase(0, length);
    return answer;
  }

  RawAnswer exchange(std::string_view bytes, int timeout_ms = 5000) {
    send(bytes);
    return receive(timeout_ms);
  }

  // Whether the other side closes within the time.
  bool closed_within(int timeout_ms) {
    while (fill(timeout_ms)) {
    }
    return at_end_;
  }

 private:
  bool fill(int timeout_ms) {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, timeout_ms) <= 0) return false;
    char buffer[16384];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) {
      at_end_ = true;
      return false;
    }
    input_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  static void parse_head(RawAnswer& answer, std::string_view head) {
    std::size_t line_end = head.find("\r\n");
    const std::string_view status_line = head.substr(0, line_end);
    if (status_line.size() > 12) std::from_chars(status_line.data() + 9, status_line.data() + 12, answer.status);
    while (line_end != std::string_view::npos) {
      head.remove_prefix(line_end + 2);
      line_end = head.find("\r\n");
      const std::string_view line = head.substr(0, line_end);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      std::string_view value = line.substr(colon + 1);
      while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
      auto [at, is_new] = answer.headers.emplace(std::move(name), std::string(value));
      if (!is_new) at->second += ", " + std::string(value);
    }
  }

  int socket_;
  bool connected_ = false;
  bool at_end_ = false;
  std::string input_;
};

}  // namespace bursar::testing
