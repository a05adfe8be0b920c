// Cards and whatever else a Stripe account takes. The customer pays on a page of Stripe's, so no card number comes near
// Bursar; what is kept is a token. README.md tells how to set it up and what is sent.
#pragma once

#include <bursar/plugin.hpp>
#include <functional>

#include "declines.hpp"
#include "memory.hpp"
#include "money.hpp"
#include "requests.hpp"
#include "states.hpp"

namespace stripe {

class Gateway final {
 public:
  static constexpr bursar::Info info{.kind = bursar::Kind::gateway,
                                     .name = "Stripe",
                                     .summary = "Cards and more through Stripe: a hosted page, saved methods, refunds.",
                                     .vendor = "Bursar",
                                     .url = "https://stripe.com",
                                     .license = "Apache-2.0",
                                     .concurrent = true};
  static constexpr bursar::Setting settings[] = {
      {.key = "secret_key",
       .type = bursar::SettingType::secret,
       .required = true,
       .label = "Secret key",
       .help = "A secret (sk_) or, better, a restricted key (rk_); README.md lists its permissions.",
       .example = "rk_test_...",
       .minimum = 8,
       .maximum = 300},
      {.key = "webhook_secret",
       .type = bursar::SettingType::secret,
       .label = "Webhook signing secret",
       .help = "Of the endpoint at Stripe that points here. Without it no webhook is believed.",
       .example = "whsec_...",
       .maximum = 300,
       .prefix = "whsec_"},
      {.key = "webhook_secret_previous",
       .type = bursar::SettingType::secret,
       .advanced = true,
       .label = "Previous signing secret",
       .help = "The one before, while it is being rolled: both are accepted.",
       .example = "whsec_...",
       .maximum = 300,
       .prefix = "whsec_"},
      {.key = "webhook_tolerance",
       .type = bursar::SettingType::duration,
       .advanced = true,
       .label = "Tolerance of webhooks",
       .help = "How far the time a webhook was signed at may be from its arrival.",
       .default_value = "5m",
       .minimum = 1'000,
       .maximum = 3'600'000},
      {.key = "save_methods",
       .type = bursar::SettingType::boolean,
       .label = "Save methods",
       .help = "Customers may save a method, and be charged while they are away.",
       .default_value = "true"},
      {.key = "statement_descriptor_suffix",
       .label = "On the statement",
       .help = "What follows the account's own name on the card statement: Latin letters, with at least one.",
       .example = "HOSTING",
       .maximum = 22},
      {.key = "currencies",
       .type = bursar::SettingType::list,
       .label = "Currencies",
       .help = "What to take. Empty: all that Stripe takes.",
       .example = "EUR"},
      {.key = "display_name",
       .label = "Name for customers",
       .help = "What customers choose.",
       .default_value = "Card",
       .maximum = 80},
      {.key = "api_version",
       .advanced = true,
       .label = "API version",
       .help = "What this plugin was written against; Stripe keeps old versions working.",
       .default_value = "2026-10-28.endive",
       .minimum = 10,
       .maximum = 60},
      {.key = "api_base",
       .type = bursar::SettingType::url,
       .advanced = true,
       .label = "Address of the API",
       .help = "For tests: another server that speaks as Stripe does. https, but for this machine itself.",
       .default_value = "https://api.stripe.com"},
  };
  static constexpr std::string_view needs[] = {BURSAR_HTTP_ID, BURSAR_STORE_ID, BURSAR_CLOCK_ID, BURSAR_RANDOM_ID,
                                               BURSAR_CRYPTO_ID};

  Gateway(bursar::Host host, const bursar::Settings& settings)
      : host_(host),
        api_(host, settings),
        memory_(host),
        save_methods_(settings.boolean("save_methods")),
        suffix_(settings.text("statement_descriptor_suffix")),
        display_name_(settings.text("display_name")),
        currencies_(settings.list("currencies")),
        tolerance_(settings.duration("webhook_tolerance")) {
    if (currencies_.empty()) currencies_ = currencies();
    for (const char* key : {"webhook_secret", "webhook_secret_previous"}) {
      if (settings.has(key) && !settings.text(key).empty()) webhook_secrets_.push_back(settings.text(key));
    }
  }

  static void validate(const bursar::Settings& settings);

  [[nodiscard]] bursar::PaymentOptions payment_options() const {
    const std::uint64_t stores = save_methods_ ? BURSAR_PAYMENT_CAN_STORE_METHODS : 0;
    return {.capabilities = stores | BURSAR_PAYMENT_CAN_REFUND_PARTLY,
            .display_name = display_name_,
            .currencies = currencies_,
            .concurrency = 16};
  }

  bursar::Payment begin(bursar::Call& call, const bursar::Charge& charge);
  bursar::Payment charge(bursar::Call& call, const bursar::Charge& charge);
  bursar::Payment setup(bursar::Call& call, const bursar::MethodSetup& setup);
  bursar::Payment refund(bursar::Call& call, const bursar::Refund& refund);
  bursar::Payment lookup(bursar::Call& call, const bursar::Lookup& lookup);
  bursar::Payment void_payment(bursar::Call& call, const bursar::Capture& capture);
  void detach_method(bursar::Call& call, const bursar::Detach& detach);
  bursar::Webhook receive(bursar::Call& call, const bursar::WebhookRequest& request);
  bursar::Health check(bursar::Call& call);

 private:
  // An operation that acts: what Stripe is sure not to have done was not attempted, and says when to come back.
  template <class Operation>
  bursar::Payment acting(bursar::Call& call, const Operation& operation) {
    try {
      return operation();
    } catch (const ServerError& why) {
      throw bursar::OutcomeUnknown(why.what());
    } catch (const NothingDone& why) {
      call.report(BURSAR_SEVERITY_ERROR, "not_attempted", why.what(), {}, why.retry);
      bursar::Payment payment = bursar::Payment::not_attempted();
      payment.poll_after = why.wait;
      return payment;
    }
  }

  bursar::Payment open_page(bursar::Call& call, const bursar::Charge& charge, const std::string& key, bool save);
  Answer open(bursar::Call& call, const Person& person, std::string_view id, Sent kind, const std::string& key,
              const std::function<Form(const std::string&)>& form);
  // Sends what moves money, with what is remembered of it before and after.
  Answer send(bursar::Call& call, std::string_view id, Entry& entry, const std::string& path, const Form& form);
  bursar::Payment charge_failed(bursar::Call& call, const bursar::Charge& charge, const Failure& failure);
  bursar::Payment confirm_on_page(bursar::Call& call, const bursar::Charge& charge, const Failure& failure);
  bursar::Payment refused(bursar::Call& call, const Failure& failure);
  std::string customer_of(bursar::Call& call, const Person& person);
  std::string new_customer(bursar::Call& call, const Person& person, const std::string& key);
  std::string intent_of(bursar::Call& call, std::string_view reference);

  std::optional<bursar::Payment> by_reference(bursar::Call& call, std::string_view id, const std::string& reference);
  bursar::Payment by_entry(bursar::Call& call, std::string_view id, const Entry& entry);
  bursar::Payment by_looking_everywhere(bursar::Call& call, const bursar::Lookup& lookup);
  std::optional<bursar::Payment> among_payments(bursar::Call& call, std::string_view id, const std::string& customer);
  std::optional<bursar::Payment> among_refunds(bursar::Call& call, std::string_view id, const std::string& payment);

  bursar::Host host_;
  Api api_;
  Memory memory_;
  bool save_methods_;
  std::string suffix_;
  std::string display_name_;
  std::vector<std::string> currencies_;
  std::vector<std::string> webhook_secrets_;
  bursar::Milliseconds tolerance_;
};

}  // namespace stripe
