// Stripe's objects as outcomes. Every reader checks that the object is about the payment it was asked for: an answer
// about another one is booked by nobody.
#pragma once

#include <bursar/payment.hpp>

#include "api.hpp"

namespace stripe {

// Names of metadata that Bursar leaves on Stripe's objects, so that each is found again, there and here.
inline constexpr std::string_view meta_payment = "bursar_payment";
inline constexpr std::string_view meta_refund = "bursar_refund";
inline constexpr std::string_view meta_setup = "bursar_setup";
inline constexpr std::string_view meta_account = "bursar_account";
inline constexpr std::string_view meta_invoice = "bursar_invoice";
inline constexpr std::string_view meta_invoice_ids = "bursar_invoice_ids";

[[nodiscard]] std::string metadata(const Object& object, std::string_view name);

// A kept method's token: the customer it belongs to, a colon, and the method.
struct Token {
  std::string customer;
  std::string method;

  [[nodiscard]] static Token parse(std::string_view text);
  [[nodiscard]] std::string text() const { return customer.empty() ? method : customer + ":" + method; }
};

// `object` is a payment_method.
[[nodiscard]] bursar::Method method_of(const Object& object, const std::string& customer);

// `id` is ours; the intent must carry it. `expanded` says which fields to ask for, so that fee and method are there.
[[nodiscard]] bursar::Payment payment_of_intent(const Object& intent, std::string_view id);
void expand_intent(Form& form, const std::string& below = "");

// Whether an intent in this state can still move money, or has.
[[nodiscard]] bool is_dead(const Object& intent);

// A Checkout page, in mode payment or setup, with its intent expanded (expand_session).
[[nodiscard]] bursar::Payment payment_of_session(const Object& session, std::string_view id);
void expand_session(Form& form);

[[nodiscard]] bursar::Payment payment_of_refund(const Object& refund);

// `error` is a Failure's, or an intent's last_payment_error.
[[nodiscard]] bursar::Payment declined_by(std::string_view code, std::string_view decline_code,
                                          std::string_view advice_code, std::string_view message);

}  // namespace stripe
