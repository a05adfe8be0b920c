// Orders v2: what an order says when it is made, and what an order of PayPal's says about the payment.
#pragma once

#include <bursar/payment.hpp>

#include "fields.hpp"

namespace paypal {

// What PayPal's page shows and where it leads back to. NO_SHIPPING: nothing is ever sent to an address.
Json experience(std::string_view return_url, std::string_view cancel_url, std::string_view locale,
                std::string_view brand);
// Text that is no UTF-8 is replaced.
std::string dump(const Json& body);

// Bodies of POST /v2/checkout/orders. `value` is the amount as PayPal writes it.
std::string order_to_approve(const bursar::Charge& charge, const std::string& value, std::string_view brand);
std::string order_to_charge(const bursar::Charge& charge, const std::string& value);
// Bodies of POST /v2/checkout/orders/ID/capture.
std::string capture_of_approved();
std::string capture_with_token(std::string_view vault_id);

// Where the customer approves: the link PayPal named, else empty.
std::string approval_link(const Json& order);
bursar::Payment to_approve(std::string order_id, std::string url);

// The payment of `payment_id` as the order tells it. Throws OutcomeUnknown when the order is of another payment or
// can't be believed. An order that nobody has approved is requires_action.
bursar::Payment payment_of_order(const Json& order, std::string_view payment_id);
// The same of a capture by itself.
bursar::Payment payment_of_capture(const Json& capture);
bursar::Payment payment_of_refund(const Json& refund);

// A PayPal account that the customer agreed to keep, from `payment_source.paypal` of an order or a vault token's.
bursar::Method method_of(std::string token, const Json& wallet);

// The refunds of an order that was captured, whoever made them.
const Json::array_t& refunds_in_order(const Json& order);
// The one of ours among them, else null.
const Json& refund_in_order(const Json& order, std::string_view refund_id);
// The order a capture belongs to, else empty.
std::string order_of_capture(const Json& capture);

}  // namespace paypal
