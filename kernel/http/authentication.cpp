#include "http/authentication.hpp"

namespace bursar::http {

namespace {
std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::string_view pair = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(cookies.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && trim(pair.substr(0, equals)) == name) return trim(pair.substr(equals + 1));
  }
  return {};
}

bool is_unsafe(std::string_view method) { return method != "GET" && method != "HEAD" && method != "OPTIONS"; }
}  // namespace

std::string_view origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  return url.substr(0, url.find_first_of("/?#", scheme + 3));
}

Result<Credentials> credentials_of(const Request& request) {
  if (request.has_header("Authorization")) {
    const std::string_view value = trim(request.header("Authorization"));
    constexpr std::string_view scheme = "Bearer ";
    if (request.count_header("Authorization") > 1 || value.size() <= scheme.size() ||
        !equals_ignoring_case(value.substr(0, scheme.size()), scheme)) {
      return Error{.kind = ErrorKind::unauthenticated,
                   .code = "bad_credentials",
                   .detail = "Authorization must be a bearer token."};
    }
    return Credentials{.token = std::string(trim(value.substr(scheme.size())))};
  }
  const std::string_view cookie = cookie_value(request.header("Cookie"), session_cookie);
  return Credentials{.token = std::string(cookie), .from_cookie = !cookie.empty()};
}

Status check_same_origin(const Request& request, const Credentials& credentials, std::string_view public_url) {
  if (!is_unsafe(request.method) || (!credentials.token.empty() && !credentials.from_cookie)) return {};
  const Error refused{.kind = ErrorKind::forbidden,
                      .code = "cross_site_request",
                      .detail = "A browser may send this only from our own pages.",
                      .cure = "Programs use a bearer token in the Authorization header."};
  if (request.has_header("Origin")) {
    const std::string_view origin = request.header("Origin");
    const std::string host(request.header("Host"));
    const bool ours = origin == origin_of(public_url) || origin == "http://" + host || origin == "https://" + host;
    return ours ? Status() : Status(refused);
  }
  const std::string_view site = request.header("Sec-Fetch-Site");
  if (!site.empty()) return site == "same-origin" || site == "none" ? Status() : Status(refused);
  return credentials.from_cookie ? Status(refused) : Status();
}

std::string set_session_cookie(std::string_view token, std::int64_t max_age_seconds) {
  return std::string(session_cookie) + "=" + std::string(token) +
         "; Path=/; Max-Age=" + std::to_string(max_age_seconds) + "; HttpOnly; Secure; SameSite=Lax";
}

std::string clear_session_cookie() {
  return std::string(session_cookie) + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax";
}

}  // namespace bursar::http
