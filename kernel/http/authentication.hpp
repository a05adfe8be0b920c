// Who asks: the bearer token or the session cookie of a request, and the check that a browser was not led here by
// another site.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace bursar::http {

inline constexpr std::string_view session_cookie = "bursar_session";

struct Credentials {
  std::string token;  // empty: none given
  bool from_cookie = false;
};
// Errors: unauthenticated for an Authorization header that is no bearer token.
Result<Credentials> credentials_of(const Request& request);

// For unsafe methods. A bearer token can't be sent by another site unasked, so it passes; anything else must come from
// our own origin as Origin or Sec-Fetch-Site tell, and a cookie needs one of the two to say so.
// Errors: forbidden "cross_site_request".
Status check_same_origin(const Request& request, const Credentials& credentials, std::string_view public_url);

// Scheme, host and port of a URL, as Origin has them.
std::string_view origin_of(std::string_view url);

std::string set_session_cookie(std::string_view token, std::int64_t max_age_seconds);
std::string clear_session_cookie();

}  // namespace bursar::http
