// Requests to Stripe's API: authentication, the pinned version, idempotency keys, and what its errors say about
// whether anything happened.
#pragma once

#include <bursar/settings.hpp>
#include <optional>

#include "plugin_support/backoff.hpp"
#include "plugin_support/form.hpp"
#include "plugin_support/json.hpp"

namespace stripe {

using plugin_support::Form;
using plugin_support::Json;
using plugin_support::Object;

// Stripe answered that it did nothing with this request: too many requests, or the key may not do it. What was asked
// before it in the same call is another matter.
class NothingDone final : public std::runtime_error {
 public:
  NothingDone(const std::string& why, bursar::Retry retry, bursar::Milliseconds wait)
      : std::runtime_error(why), retry(retry), wait(wait) {}
  bursar::Retry retry;
  bursar::Milliseconds wait;  // 0: no opinion
};

// Stripe failed at a request that may act, and will answer the same to whatever else comes under its idempotency key.
class ServerError final : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An error that Stripe is sure about: nothing but what it tells of happened (400, 402, 404).
struct Failure {
  int status = 0;
  std::string type{}, code{}, decline_code{}, advice_code{}, param{}, message{};
  Json body{};

  [[nodiscard]] bool missing(std::string_view what) const { return code == "resource_missing" && param == what; }
};

struct Answer {
  Json json;  // when there is no failure
  std::optional<Failure> failure;
};

class Api {
 public:
  Api(bursar::Host host, const bursar::Settings& settings);

  // Throws OutcomeUnknown unless the object came. Where this call has not acted yet, NotAttempted in its place: a read
  // that failed has certainly moved nothing.
  Json get(bursar::Call& call, const std::string& path, const Form& query = {});
  // As get, but a 404 answers nothing.
  std::optional<Json> find(bursar::Call& call, const std::string& path, const Form& query = {});
  // Throws NothingDone for 401, 403 and 429, and what leaves it open as ServerError (5xx) or OutcomeUnknown (another
  // request under the same key, a damaged answer). `key` may be empty where doing it twice does nothing more.
  Answer post(bursar::Call& call, const std::string& path, const Form& form, const std::string& key);

  // Does the key speak for live or test mode? Nothing: it does not tell.
  [[nodiscard]] std::optional<bool> live() const { return live_; }
  [[nodiscard]] bursar::Host host() const { return host_; }

 private:
  bursar::HttpResponse exchange(bursar::Call& call, bursar::HttpRequest request);

  bursar::Host host_;
  std::string base_;
  std::string secret_key_;
  std::string version_;
  std::optional<bool> live_;
  plugin_support::Backoff backoff_;
};

}  // namespace stripe
