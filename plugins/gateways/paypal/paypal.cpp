// PayPal: Orders v2 with approval by the customer, saved accounts (vault v3) for auto-pay, refunds and webhooks.
#include <bursar/plugin.hpp>

#include "amounts.hpp"
#include "gateway.hpp"
#include "vault.hpp"
#include "webhooks.hpp"

namespace {

using bursar::Call;
using bursar::Payment;

constexpr bursar::Choice environments[] = {{"live", "Live"}, {"sandbox", "Sandbox"}};

// "http://127.0.0.1:8099": the double of the tests, on this machine.
bool is_loopback(std::string_view url) {
  constexpr std::string_view start = "http://127.0.0.1:";
  if (!url.starts_with(start)) return false;
  const std::string_view port = url.substr(start.size());
  return !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_sandbox(const bursar::Settings& settings) { return settings.text("environment") == "sandbox"; }

paypal::Account account_of(const bursar::Settings& settings) {
  std::string base = settings.text("api_base");
  if (base.empty()) base = is_sandbox(settings) ? "https://api-m.sandbox.paypal.com" : "https://api-m.paypal.com";
  return {std::move(base), settings.text("client_id"), settings.text("client_secret")};
}

paypal::WebhookSettings webhooks_of(const bursar::Settings& settings) {
  paypal::WebhookSettings out;
  out.webhook_id = settings.text("webhook_id");
  out.trust = {.roots_pem = settings.text("test_authority"), .names = {"messageverificationcerts.paypal.com"}};
  if (is_sandbox(settings)) out.trust.names.emplace_back("messageverificationcerts.sandbox.paypal.com");
  if (const std::string base = settings.text("api_base"); !base.empty()) {
    out.certificate_origins = {base};
  } else if (is_sandbox(settings)) {
    out.certificate_origins = {"https://api.sandbox.paypal.com", "https://api-m.sandbox.paypal.com"};
  } else {
    out.certificate_origins = {"https://api.paypal.com", "https://api-m.paypal.com"};
  }
  return out;
}

class PayPal final {
 public:
  static constexpr bursar::Info info{
      .kind = bursar::Kind::gateway,
      .name = "PayPal",
      .summary = "Customers approve at PayPal; a PayPal account they agree to keep pays by itself later.",
      .vendor = "Bursar",
      .url = "https://developer.paypal.com/api/rest/",
      .license = "Apache-2.0",
      .concurrent = true};
  static constexpr bursar::Setting settings[] = {
      {.key = "environment",
       .type = bursar::SettingType::choice,
       .required = true,
       .label = "Environment",
       .help = "live moves money. Credentials and webhooks of the two are apart.",
       .choices = environments},
      {.key = "client_id",
       .required = true,
       .label = "Client ID",
       .help = "Of the REST app: PayPal developer dashboard, Apps & Credentials.",
       .example = "AeA1QIZXiflr1_-client-id",
       .maximum = 200},
      {.key = "client_secret",
       .type = bursar::SettingType::secret,
       .required = true,
       .label = "Secret",
       .help = "Of the same app and environment.",
       .maximum = 200},
      {.key = "webhook_id",
       .label = "Webhook ID",
       .help = "PayPal shows it when the webhook is made. Without it webhooks are refused, and payments are found out "
               "by asking.",
       .example = "5GP028458E2496506",
       .maximum = 50},
      {.key = "brand_name",
       .label = "Name at PayPal",
       .help = "What the customer reads on PayPal's page. Empty: the name of the PayPal account.",
       .maximum = 127},
      {.key = "display_name",
       .label = "Name for customers",
       .help = "What customers choose.",
       .default_value = "PayPal",
       .maximum = 80},
      {.key = "api_base",
       .type = bursar::SettingType::url,
       .advanced = true,
       .label = "Address for tests",
       .help = "A double of PayPal on this machine, http://127.0.0.1:PORT; webhook certificates are then fetched there "
               "too.",
       .example = "http://127.0.0.1:8099"},
      {.key = "test_authority",
       .advanced = true,
       .label = "Authority for tests",
       .help = "The certificates (PEM) to trust for webhooks instead of the system's. Only with api_base.",
       .example = "-----BEGIN CERTIFICATE-----",
       .maximum = 60'000},
  };
  static constexpr std::string_view needs[] = {BURSAR_HTTP_ID, BURSAR_STORE_ID, BURSAR_CLOCK_ID, BURSAR_RANDOM_ID,
                                               BURSAR_CRYPTO_ID};

  PayPal(bursar::Host host, const bursar::Settings& settings)
      : api_(host, account_of(settings)),
        gateway_(host, api_, settings.text("brand_name")),
        vault_(host, api_, settings.text("brand_name")),
        webhooks_(host, api_, paypal::Slips(host), webhooks_of(settings)),
        display_name_(settings.text("display_name")) {}

  static void validate(const bursar::Settings& settings) {
    const std::string base = settings.text("api_base");
    if (!base.empty() && !is_loopback(base)) {
      throw bursar::BadSetting("api_base", "only http://127.0.0.1:PORT; PayPal's own address follows from environment");
    }
    if (!settings.text("test_authority").empty() && base.empty()) {
      throw bursar::BadSetting("test_authority", "only with api_base");
    }
    if (const std::string id = settings.text("webhook_id"); !id.empty() && !paypal::is_id(id)) {
      throw bursar::BadSetting("webhook_id", "a webhook ID has letters and digits only");
    }
  }

  [[nodiscard]] bursar::PaymentOptions payment_options() const {
    return {.capabilities = BURSAR_PAYMENT_CAN_STORE_METHODS | BURSAR_PAYMENT_CAN_REFUND_PARTLY,
            .display_name = display_name_,
            .currencies = paypal::currencies()};
  }

  Payment begin(Call& call, const bursar::Charge& charge) { return gateway_.begin(call, charge); }
  Payment charge(Call& call, const bursar::Charge& charge) { return gateway_.charge(call, charge); }
  Payment complete(Call& call, const bursar::Capture& capture) { return gateway_.complete(call, capture); }
  Payment refund(Call& call, const bursar::Refund& refund) { return gateway_.refund(call, refund); }
  Payment setup(Call& call, const bursar::MethodSetup& setup) { return vault_.setup(call, setup); }
  Payment lookup(Call& call, const bursar::Lookup& lookup) {
    return lookup.kind == bursar::LookupKind::setup ? vault_.lookup(call, lookup) : gateway_.lookup(call, lookup);
  }
  void detach_method(Call& call, const bursar::Detach& detach) { vault_.detach_method(call, detach); }
  bursar::Webhook receive(Call& call, const bursar::WebhookRequest& request) {
    return webhooks_.receive(call, request);
  }

  bursar::Health check(Call& call) {
    try {
      api_.sign_in(call);
      return {bursar::HealthState::good, "PayPal accepts the credentials."};
    } catch (const bursar::NotAttempted& why) {
      return {bursar::HealthState::down, why.what()};
    }
  }

 private:
  paypal::Api api_;
  paypal::Gateway gateway_;
  paypal::Vault vault_;
  paypal::Webhooks webhooks_;
  std::string display_name_;
};

}  // namespace

BURSAR_PLUGIN(PayPal, "bursar.paypal", "0.1.0")
