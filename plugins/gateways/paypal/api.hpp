// One PayPal account over HTTPS: the access token, the request id, and what an answer means before it is read.
#pragma once

#include <bursar/host.hpp>
#include <mutex>
#include <plugin_support/backoff.hpp>

#include "fields.hpp"

namespace paypal {

// What a request does if it arrives.
enum class Act {
  prepares,  // makes something that moves no money by itself: losing its answer is as if it had not been sent
  moves,     // may move money
};

struct Answer {
  int status = 0;
  Json body;
  std::string debug_id;          // what PayPal's support asks for
  bursar::Milliseconds wait{0};  // 429: until the next request

  [[nodiscard]] bool good() const { return status >= 200 && status < 300; }
  // PayPal's own explicit no, which it gives before it does anything. Never true of what can't be read.
  [[nodiscard]] bool refused() const { return status >= 400 && status < 500 && !text(body, "name").empty(); }
  // "INSTRUMENT_DECLINED": the first detail's issue, else the error's name.
  [[nodiscard]] std::string issue() const;
  // For staff: issue, PayPal's own words, debug id.
  [[nodiscard]] std::string words() const;
};

struct Account {
  std::string base;  // "https://api-m.paypal.com"
  std::string client_id;
  std::string client_secret;
};

class Api {
 public:
  Api(bursar::Host host, Account account) : host_(host), account_(std::move(account)), backoff_(host) {}

  // Each throws NotAttempted or OutcomeUnknown as the SDK's Http does; any HTTP status that PayPal sent comes back.
  Answer get(bursar::Call& call, const std::string& path);
  Answer remove(bursar::Call& call, const std::string& path);
  Answer post(bursar::Call& call, const std::string& path, const std::string& request_id, const std::string& body,
              Act act);

  // Fetches a new token, whatever is cached: proves the credentials.
  void sign_in(bursar::Call& call);

  // PayPal's request id for an operation of ours. The key alone is unique within one installation; several may share
  // an account at PayPal, and our object's id tells them apart. `step` tells the requests of one operation apart.
  [[nodiscard]] std::string request_id(const bursar::Call& call, std::string_view object_id,
                                       std::string_view step) const;

 private:
  struct Token {
    std::string value;
    bursar::Time ends{};
  };

  Answer send(bursar::Call& call, bursar::HttpRequest request, Act act);
  Answer exchange(bursar::Call& call, const bursar::HttpRequest& request);
  std::string token(bursar::Call& call, const std::string& refused);
  Token fetch_token(bursar::Call& call);

  bursar::Host host_;
  Account account_;
  std::mutex mutex_;  // held while a token is fetched: one at a time, the others want the same one
  Token token_;
  plugin_support::Backoff backoff_;
};

}  // namespace paypal
