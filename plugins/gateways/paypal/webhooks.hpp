// Webhooks: whether one is PayPal's, and what it says.
#pragma once

#include <bursar/webhook.hpp>

#include "api.hpp"
#include "signature.hpp"
#include "slips.hpp"

namespace paypal {

struct WebhookSettings {
  std::string webhook_id;
  std::vector<std::string> certificate_origins;  // "https://api.paypal.com": certificates come from nowhere else
  Trust trust;
};

class Webhooks {
 public:
  Webhooks(bursar::Host host, Api& api, Slips slips, WebhookSettings settings)
      : host_(host), api_(api), slips_(slips), settings_(std::move(settings)) {}

  bursar::Webhook receive(bursar::Call& call, const bursar::WebhookRequest& request);

 private:
  struct Signed {
    std::string_view id, time, signature, certificate_url, algorithm;
  };

  [[nodiscard]] bool is_certificate_url(std::string_view url) const;
  [[nodiscard]] std::string certificate(bursar::Call& call, std::string_view url);
  bursar::Verdict proof(bursar::Call& call, const bursar::WebhookRequest& request, const Signed& headers);
  bursar::Verdict ask_paypal(bursar::Call& call, const bursar::WebhookRequest& request, const Signed& headers);
  std::vector<bursar::Event> events(bursar::Call& call, const Json& notification);
  void read_refund(bursar::Call& call, const Json& refund, bursar::Event& event);
  std::optional<bursar::Event> refund_in_its_place(bursar::Call& call, const Json& dispute, bursar::Event& lost);
  void read_token(bursar::Call& call, const Json& token, bool deleted, bursar::Event& event);

  bursar::Host host_;
  Api& api_;
  Slips slips_;
  WebhookSettings settings_;
};

}  // namespace paypal
