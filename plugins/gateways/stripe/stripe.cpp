#include "events.hpp"
#include "gateway.hpp"
#include "signature.hpp"

namespace stripe {
namespace {

bool is_loopback(std::string_view url) {
  for (const std::string_view start : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (url.starts_with(start) && (url.size() == start.size() || url[start.size()] == ':' || url[start.size()] == '/'))
      return true;
  }
  return false;
}

bool is_known(const std::string& currency) {
  const std::vector<std::string>& all = currencies();
  return std::find(all.begin(), all.end(), currency) != all.end();
}

}  // namespace

void Gateway::validate(const bursar::Settings& settings) {
  const std::string key = settings.text("secret_key");
  if (!key.starts_with("sk_") && !key.starts_with("rk_")) {
    throw bursar::BadSetting("secret_key", key.starts_with("pk_")
                                               ? "this is the publishable key; the secret one begins with sk_ or rk_"
                                               : "a secret key begins with sk_, a restricted one with rk_");
  }
  const std::string base = settings.text("api_base");
  if (!base.starts_with("https://") && !is_loopback(base))
    throw bursar::BadSetting("api_base", "must begin with https://, unless it is on this machine");
  for (const std::string& currency : settings.list("currencies")) {
    if (!is_known(currency)) throw bursar::BadSetting("currencies", "Stripe does not take " + currency);
  }
  const std::string suffix = settings.text("statement_descriptor_suffix");
  const bool latin = std::all_of(suffix.begin(), suffix.end(), [](char c) { return c >= ' ' && c <= '~'; });
  const bool letter = suffix.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != std::string::npos;
  if (!latin || suffix.find_first_of("<>\\'\"*") != std::string::npos || (!suffix.empty() && !letter)) {
    throw bursar::BadSetting("statement_descriptor_suffix",
                             "takes Latin characters but < > \\ ' \" *, with at least one letter");
  }
}

bursar::Webhook Gateway::receive(bursar::Call& call, const bursar::WebhookRequest& request) {
  if (!is_genuine(host_, request.header("stripe-signature"), request.body, webhook_secrets_, request.received_at,
                  tolerance_)) {
    return bursar::Webhook::rejected();
  }
  const Json body = plugin_support::parse_json(request.body, "Stripe");
  const Object event(body, "event");
  // Money of the test mode is none: it must never pay an invoice here, nor the other way round.
  if (api_.live() && event.boolean("livemode") != *api_.live()) {
    host_.log(BURSAR_LOG_WARNING, *api_.live()
                                      ? "refused an event of Stripe's test mode: the secret key is a live one"
                                      : "refused a live event of Stripe: the secret key is one of the test mode");
    return bursar::Webhook::rejected();
  }
  try {
    return bursar::Webhook::genuine(events_of(call, api_, event));
  } catch (const NothingDone& why) {
    throw bursar::Error("provider_unreachable", why.what(), why.retry);
  }
}

bursar::Health Gateway::check(bursar::Call& call) {
  using bursar::HealthState;
  try {
    const Json balance = api_.get(call, "/v1/balance");
    const bool live = Object(balance, "balance").boolean("livemode");
    bursar::Health health{.state = HealthState::good,
                          .text = live ? "Stripe answers (live mode)." : "Stripe answers (test mode)."};
    health.values.emplace_back("mode", live ? "live" : "test");
    if (webhook_secrets_.empty()) {
      health.state = HealthState::degraded;
      health.text += " No webhook is believed, as webhook_secret is not set.";
    }
    return health;
  } catch (const NothingDone& why) {
    return {.state = HealthState::down, .text = why.what()};
  } catch (const bursar::NotAttempted& why) {
    return {.state = HealthState::down, .text = why.what()};
  }
}

}  // namespace stripe

BURSAR_PLUGIN(stripe::Gateway, "bursar.stripe", "0.1.0")
