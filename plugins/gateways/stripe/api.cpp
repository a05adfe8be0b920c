#include "api.hpp"

#include "hex.hpp"

namespace stripe {
namespace {

using bursar::Milliseconds;

constexpr std::size_t key_max = 255;
std::optional<bool> mode_of(std::string_view key) {
  if (key.find("_live_") != std::string_view::npos) return true;
  if (key.find("_test_") != std::string_view::npos) return false;
  return std::nullopt;
}

Failure failure_of(const bursar::HttpResponse& response) {
  Failure failure{.status = response.status, .body = plugin_support::parse_json(response.body, "Stripe")};
  const Object error = Object(failure.body, "answer").object("error");
  failure.type = error.text("type");
  failure.code = error.optional_text("code");
  failure.decline_code = error.optional_text("decline_code");
  failure.advice_code = error.optional_text("advice_code");
  failure.param = error.optional_text("param");
  failure.message = error.optional_text("message");
  return failure;
}

// For staff; the request's id lets Stripe's support find it.
std::string described(const bursar::HttpResponse& response, const std::string& what) {
  std::string text = "Stripe answered " + std::to_string(response.status) + what;
  const std::string_view id = response.header("request-id");
  if (!id.empty() && id.size() < 100) text.append(" (request ").append(id).append(")");
  return text;
}

[[noreturn]] void say_nothing_is_known(const bursar::Call& call, const std::string& why) {
  if (call.acted()) throw bursar::OutcomeUnknown(why);
  throw bursar::NotAttempted(why);
}

}  // namespace

Api::Api(bursar::Host host, const bursar::Settings& settings)
    : host_(host),
      base_(settings.text("api_base")),
      secret_key_(settings.text("secret_key")),
      version_(settings.text("api_version")),
      live_(mode_of(secret_key_)),
      backoff_(host) {
  while (base_.ends_with('/')) base_.pop_back();
}

bursar::HttpResponse Api::exchange(bursar::Call& call, bursar::HttpRequest request) {
  if (const Milliseconds wait = backoff_.left(); wait.count() > 0) {
    throw NothingDone("Stripe asked for fewer requests; the next is " + std::to_string(wait.count()) + " ms away",
                      bursar::Retry::later, wait);
  }
  request.url = base_ + request.url;
  request.headers.emplace_back("Authorization", "Bearer " + secret_key_);
  request.headers.emplace_back("Stripe-Version", version_);
  bursar::HttpResponse response = host_.http(call, request);
  switch (response.status) {
    case 401:
      throw NothingDone(described(response, ": the secret key is not accepted"), bursar::Retry::after_fix, {});
    case 403:
      throw NothingDone(described(response, ": the secret key may not do this"), bursar::Retry::after_fix, {});
    case 429:
      backoff_.refused(response);
      throw NothingDone(described(response, ": too many requests"), bursar::Retry::later, backoff_.left());
    default:
      backoff_.answered();
      return response;
  }
}

std::optional<Json> Api::find(bursar::Call& call, const std::string& path, const Form& query) {
  bursar::HttpRequest request;
  request.url = query.appended_to(path);
  const bursar::HttpResponse response = exchange(call, std::move(request));
  if (response.status == 404 && failure_of(response).code == "resource_missing") return std::nullopt;
  if (response.status != 200) say_nothing_is_known(call, described(response, " where an object was asked for"));
  return plugin_support::parse_json(response.body, "Stripe");
}

Json Api::get(bursar::Call& call, const std::string& path, const Form& query) {
  std::optional<Json> found = find(call, path, query);
  if (!found)
    say_nothing_is_known(call, "Stripe does not know " + path + "; does the secret key belong to that account?");
  return std::move(*found);
}

Answer Api::post(bursar::Call& call, const std::string& path, const Form& form, const std::string& key) {
  bursar::HttpRequest request;
  request.method = "POST";
  request.url = path;
  request.body = form.encoded();
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  if (!key.empty()) {
    request.headers.emplace_back("Idempotency-Key",
                                 key.size() <= key_max ? key : hex(host_.hash(BURSAR_DIGEST_SHA256, key)));
  }
  const bursar::HttpResponse response = exchange(call, std::move(request));
  if (response.status == 200) return {plugin_support::parse_json(response.body, "Stripe"), std::nullopt};
  if (response.status >= 500) throw ServerError(described(response, ""));
  if (response.status != 400 && response.status != 402 && response.status != 404)
    say_nothing_is_known(call, described(response, ""));
  Failure failure = failure_of(response);
  // The key was used before for another request, of which nothing is known here.
  if (failure.type == "idempotency_error") say_nothing_is_known(call, described(response, ": " + failure.message));
  return {{}, std::move(failure)};
}

}  // namespace stripe
