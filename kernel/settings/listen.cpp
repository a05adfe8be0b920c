#include "settings/listen.hpp"

#include <charconv>

namespace bursar::settings {

std::optional<ListenAddress> parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  std::string host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.find_first_not_of(bracketed ? "0123456789abcdefABCDEF:.%"
                                       : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-") !=
      std::string::npos)
    return std::nullopt;
  ListenAddress out{.host = host, .port = 0};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (error != std::errc{} || stopped != end || colon + 1 == text.size()) return std::nullopt;
  return out;
}

}  // namespace bursar::settings
