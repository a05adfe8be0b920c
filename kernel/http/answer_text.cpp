#include "http/answer_text.hpp"

#include <array>
#include <cstdio>

#include "base/assert.hpp"
#include "base/time.hpp"
#include "http/problem.hpp"

namespace bursar::http {

namespace {
struct Default {
  std::string_view name;
  std::string_view value;
};
// A handler may set any of these itself; it can't leave one out.
constexpr std::array<Default, 8> defaults = {{
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"},
}};

void field(std::string& out, std::string_view name, std::string_view value) {
  BURSAR_ASSERT(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  out.append(name).append(": ").append(value).append("\r\n");
}

// RFC 9110 IMF-fixdate of this second, made once a second and thread.
const std::string& date_now() {
  static constexpr std::array<std::string_view, 7> weekdays = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  static constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  thread_local Instant made_at;
  thread_local std::string text;
  const Instant now = SystemClock().now();
  if (!text.empty() && now == made_at) return text;
  made_at = now;
  const CivilTime civil = Zone::utc().civil(now);
  char buffer[48];
  const auto weekday = weekdays[static_cast<std::size_t>(civil.date.days_since_1970() % 7)];
  const auto month = months[civil.date.month() - 1];
  const int size =
      std::snprintf(buffer, sizeof buffer, "%s, %02u %s %04d %02d:%02d:%02d GMT", weekday.data(), civil.date.day(),
                    month.data(), civil.date.year(), civil.hour, civil.minute, civil.second);
  text.assign(buffer, static_cast<std::size_t>(size));
  return text;
}
}  // namespace

std::string answer_head(const Answer& answer, std::string_view request_id, const HeadOptions& options) {
  std::string out;
  out.reserve(768);
  out.append("HTTP/1.1 ")
      .append(std::to_string(answer.status))
      .append(" ")
      .append(title_of(answer.status))
      .append("\r\n");
  field(out, "Date", date_now());
  const bool has_content = answer.status != 204 && answer.status != 304;
  if (has_content) {
    field(out, "Content-Type", answer.content_type);
    field(out, "Content-Length", std::to_string(answer.body.size()));
  }
  field(out, "X-Request-Id", request_id);
  for (const Header& header : answer.headers) field(out, header.name, header.value);
  for (const Default& d : defaults) {
    if (answer.header(d.name).empty()) field(out, d.name, d.value);
  }
  if (options.strict_transport_security) field(out, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
  if (options.close) field(out, "Connection", "close");
  if (!options.close && options.keep_alive_named) field(out, "Connection", "keep-alive");
  out += "\r\n";
  return out;
}

}  // namespace bursar::http
