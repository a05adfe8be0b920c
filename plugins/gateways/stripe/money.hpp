// Amounts as Stripe counts them. It calls them "the smallest unit", which is that of ISO 4217 with these exceptions:
//  - MGA has two decimals in ISO 4217 and none at Stripe.
//  - ISK and UGX have none in ISO 4217; Stripe counts hundredths, and refuses anything but whole ones.
//  - currencies with three decimals must end in 0: 5.120 KWD can be charged, 5.124 KWD can't.
// HUF and TWD are whole numbers in payouts only; charges and refunds have their two decimals.
#pragma once

#include <bursar/values.hpp>
#include <optional>

namespace stripe {

// What is exact both here and there, else nothing. An amount is never rounded: an invoice of 5.124 KWD would be paid
// too little or too much, and either leaves a balance nobody asked for.
[[nodiscard]] std::optional<std::int64_t> to_stripe(const bursar::Money& money);

// `currency` as Stripe writes it, in small letters. Throws OutcomeUnknown for an amount that has no exact counterpart.
[[nodiscard]] bursar::Money from_stripe(std::int64_t amount, std::string_view currency);

[[nodiscard]] std::string small_letters(std::string_view currency);

// Every currency that Stripe takes from customers, in ISO 4217's capital letters.
[[nodiscard]] const std::vector<std::string>& currencies();

}  // namespace stripe
