#include "api.hpp"

#include <algorithm>

namespace paypal {
namespace {

using bursar::Call;
using bursar::HttpRequest;
using bursar::HttpResponse;

constexpr std::size_t request_id_max = 108;
constexpr bursar::Milliseconds token_timeout{10'000};
// A token is not used in its last minute: a request that takes long must not arrive with one that has ended.
constexpr std::int64_t token_margin_ms = 60'000;
std::string base64(std::string_view bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? alphabet[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(byte) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(byte) & 15];
  }
  return out;
}

Answer read(const HttpResponse& response) {
  Answer answer;
  answer.status = response.status;
  answer.body = parse(response.body);
  answer.debug_id = line(response.header("paypal-debug-id"), 100);
  if (answer.debug_id.empty()) answer.debug_id = line(text(answer.body, "debug_id"), 100);
  return answer;
}

}  // namespace

std::string Answer::issue() const {
  for (const Json& detail : elements(member(body, "details"))) {
    if (const std::string issue = text(detail, "issue"); !issue.empty()) return line(issue, 100);
  }
  return line(text(body, "name"), 100);
}

std::string Answer::words() const {
  std::string out = "PayPal answered " + std::to_string(status);
  if (const std::string what = issue(); !what.empty()) out += " " + what;
  std::string said;
  for (const Json& detail : elements(member(body, "details"))) {
    said = text(detail, "description");
    if (!said.empty()) break;
  }
  if (said.empty()) said = text(body, "message");
  if (!said.empty()) out += ": " + line(said, 300);
  if (!debug_id.empty()) out += " (debug id " + debug_id + ")";
  return out;
}

Answer Api::get(Call& call, const std::string& path) {
  HttpRequest request;
  request.url = account_.base + path;
  return send(call, std::move(request), Act::prepares);
}

Answer Api::remove(Call& call, const std::string& path) {
  HttpRequest request;
  request.method = "DELETE";
  request.url = account_.base + path;
  return send(call, std::move(request), Act::prepares);
}

Answer Api::post(Call& call, const std::string& path, const std::string& request_id, const std::string& body, Act act) {
  HttpRequest request;
  request.method = "POST";
  request.url = account_.base + path;
  request.headers = {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}};
  if (!request_id.empty()) request.headers.emplace_back("PayPal-Request-Id", request_id);
  request.body = body;
  return send(call, std::move(request), act);
}

// PayPal's answer, or without a request the one it gave when it asked for fewer of them.
Answer Api::exchange(Call& call, const HttpRequest& request) {
  Answer answer;
  if (const bursar::Milliseconds wait = backoff_.left(); wait.count() > 0) {
    answer.status = 429;
    answer.body = {{"name", "RATE_LIMIT_REACHED"}, {"message", "the next request may be sent later"}};
    answer.wait = wait;
    return answer;
  }
  const HttpResponse response = host_.http(call, request);
  answer = read(response);
  if (answer.status == 429) {
    backoff_.refused(response);
    answer.wait = backoff_.left();
  } else {
    backoff_.answered();
  }
  return answer;
}

// Each try is a call of its own to the SDK, because a 401 or 429 is certain to have done nothing, so that what follows
// it may still be "not attempted". Once any other answer came to a request that moves money, nothing may.
Answer Api::send(Call& call, HttpRequest request, Act act) {
  request.harmless = act == Act::prepares;
  std::string refused;
  for (int attempt = 0;; ++attempt) {
    const std::string bearer = token(call, refused);
    HttpRequest signed_request = request;
    signed_request.headers.emplace_back("Authorization", "Bearer " + bearer);
    signed_request.headers.emplace_back("Accept", "application/json");
    Call one(call.raw());
    Answer answer = exchange(one, signed_request);
    if (answer.status == 401 && attempt == 0) {
      refused = bearer;
      continue;
    }
    if (act == Act::moves && answer.status != 401 && answer.status != 429) call.mark_acted();
    if (!answer.good() && answer.status != 404) {
      host_.log(BURSAR_LOG_WARNING, "PayPal did not do it",
                {{"answer", answer.words()}, {"request", request.method + " " + request.url}});
    }
    return answer;
  }
}

std::string Api::token(Call& call, const std::string& refused) {
  const std::lock_guard lock(mutex_);
  if (token_.value.empty() || token_.value == refused || host_.now() >= token_.ends) token_ = fetch_token(call);
  return token_.value;
}

void Api::sign_in(Call& call) {
  const std::lock_guard lock(mutex_);
  token_ = fetch_token(call);
}

Api::Token Api::fetch_token(Call& call) {
  HttpRequest request;
  request.method = "POST";
  request.url = account_.base + "/v1/oauth2/token";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"},
                     {"Authorization", "Basic " + base64(account_.client_id + ":" + account_.client_secret)}};
  request.body = "grant_type=client_credentials";
  request.harmless = true;
  request.timeout = token_timeout;
  Call one(call.raw());
  const Answer answer = exchange(one, request);
  if (answer.status == 401 || answer.status == 400) {
    call.report(BURSAR_SEVERITY_ERROR, "bad_credentials", "PayPal refused client_id and client_secret", "client_secret",
                bursar::Retry::after_fix);
    throw bursar::NotAttempted("PayPal gave no access token: " + answer.words());
  }
  Token made;
  made.value = text(answer.body, "access_token");
  const Json& seconds = member(answer.body, "expires_in");
  const bool sane = std::all_of(made.value.begin(), made.value.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!answer.good() || made.value.empty() || !sane || !seconds.is_number_unsigned()) {
    throw bursar::NotAttempted("PayPal gave no access token: " + answer.words());
  }
  const std::int64_t lives_ms =
      static_cast<std::int64_t>(std::min<std::uint64_t>(seconds.get<std::uint64_t>(), 86'400)) * 1000;
  made.ends = host_.now() + bursar::Milliseconds(std::max<std::int64_t>(0, lives_ms - token_margin_ms));
  return made;
}

std::string Api::request_id(const Call& call, std::string_view object_id, std::string_view step) const {
  std::string id(call.idempotency_key());
  id.append(".").append(object_id).append(".").append(step);
  return id.size() <= request_id_max ? id : hex(host_.hash(BURSAR_DIGEST_SHA256, id));
}

}  // namespace paypal
