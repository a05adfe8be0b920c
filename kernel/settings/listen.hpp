// "127.0.0.1:8080", "[::1]:8080", "localhost:0".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bursar::settings {

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;  // 0: the system chooses
};
std::optional<ListenAddress> parse_listen(const std::string& text);

}  // namespace bursar::settings
