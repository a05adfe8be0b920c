// The forms that are sent, all of them: what Stripe learns of a customer stands here. None depends on the time or on
// chance, as a request that is repeated under its key must be the same.
#pragma once

#include <bursar/payment.hpp>

#include "plugin_support/form.hpp"

namespace stripe {

struct Person {
  std::string_view account, name, email;
};

[[nodiscard]] plugin_support::Form customer_form(const Person& person);

// A Checkout page to pay `charge` on.
[[nodiscard]] plugin_support::Form page_form(const bursar::Charge& charge, std::int64_t amount,
                                             const std::string& customer, const std::string& suffix, bool save);

// A Checkout page to save a method on.
[[nodiscard]] plugin_support::Form setup_form(const bursar::MethodSetup& setup, const std::string& currency,
                                              const std::string& customer);

// A PaymentIntent that is charged at once, the customer away.
[[nodiscard]] plugin_support::Form intent_form(const bursar::Charge& charge, std::int64_t amount,
                                               const std::string& suffix);

[[nodiscard]] plugin_support::Form refund_form(const bursar::Refund& refund, std::int64_t amount,
                                               const std::string& intent);

}  // namespace stripe
