#include "signature.hpp"

#include <charconv>

#include "hex.hpp"

namespace stripe {

std::optional<Signature> parse_signature(std::string_view header) {
  Signature out;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(','), header.size());
    const std::string_view item = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = item.substr(0, equals);
    const std::string_view value = item.substr(equals + 1);
    if (name == "v1") out.v1.push_back(value);
    if (name != "t") continue;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), out.unix_seconds);
    const bool whole = error == std::errc() && stop == value.data() + value.size();
    // Far beyond any date, so that the arithmetic on it stays within bounds.
    constexpr std::int64_t latest = 253'402'300'799;
    if (!out.time.empty() || !whole || out.unix_seconds <= 0 || out.unix_seconds > latest) return std::nullopt;
    out.time = value;
  }
  if (out.time.empty() || out.v1.empty()) return std::nullopt;
  return out;
}

bool is_genuine(const bursar::Host& host, std::string_view header, std::string_view body,
                const std::vector<std::string>& secrets, bursar::Time received_at, bursar::Milliseconds tolerance) {
  const std::optional<Signature> signature = parse_signature(header);
  if (!signature) return false;
  const auto age = received_at - bursar::Time(std::chrono::seconds(signature->unix_seconds));
  if (age > tolerance || age < -tolerance) return false;
  const std::string signed_text = std::string(signature->time) + "." + std::string(body);
  bool genuine = false;
  for (const std::string& secret : secrets) {
    const std::string expected = hex(host.hmac(BURSAR_DIGEST_SHA256, secret, signed_text));
    for (const std::string_view given : signature->v1) genuine = host.equal(expected, given) || genuine;
  }
  return genuine;
}

}  // namespace stripe
