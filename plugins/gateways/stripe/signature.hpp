// The Stripe-Signature header: "t=UNIX,v1=HEX,v1=HEX,v0=...". Each v1 is the HMAC-SHA256, under one of the endpoint's
// secrets, of the time, a point and the raw body; while a secret is being rolled Stripe sends one for the old and one
// for the new.
#pragma once

#include <bursar/host.hpp>

namespace stripe {

struct Signature {
  std::string_view time;  // as it was signed
  std::int64_t unix_seconds = 0;
  std::vector<std::string_view> v1;
};

// Nothing: it is no such header, or has several times.
[[nodiscard]] std::optional<Signature> parse_signature(std::string_view header);

// `received_at` and not now, as a stored request may be worked off later. Too far from it in either direction is
// refused: a later time would let a caught request be replayed for longer.
[[nodiscard]] bool is_genuine(const bursar::Host& host, std::string_view header, std::string_view body,
                              const std::vector<std::string>& secrets, bursar::Time received_at,
                              bursar::Milliseconds tolerance);

}  // namespace stripe
