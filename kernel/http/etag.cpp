#include "http/etag.hpp"

#include <algorithm>

#include "accounts/tokens.hpp"
#include "http/message.hpp"

namespace bursar::http {

std::string content_etag(std::string_view body) { return "\"" + accounts::sha256_hex(body).substr(0, 32) + "\""; }

bool names_etag(std::string_view header, std::string_view etag, bool weak) {
  // No tag of ours holds a comma.
  while (!header.empty()) {
    const std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    std::string_view tag = trim(item);
    if (tag == "*") return true;
    if (weak && tag.substr(0, 2) == "W/") tag.remove_prefix(2);
    if (!tag.empty() && tag == etag) return true;
  }
  return false;
}

}  // namespace bursar::http
