#include "orders.hpp"

#include <algorithm>

#include "refusals.hpp"

namespace paypal {
namespace {

using bursar::OutcomeUnknown;
using bursar::Payment;

constexpr std::size_t id_max = 127;
constexpr bursar::Milliseconds hour{3'600'000};

Json unit_of(const bursar::Charge& charge, const std::string& value) {
  Json unit{{"amount", {{"currency_code", charge.amount.currency}, {"value", value}}},
            {"custom_id", line(charge.payment_id, id_max)},
            // PayPal accounts refuse a second payment with an invoice id by default: one more fence.
            {"invoice_id", line(charge.payment_id, id_max)}};
  if (const std::string description = line(charge.description, 127); !description.empty()) {
    unit["description"] = description;
  }
  return unit;
}

// PayPal takes "de", "de-DE", "zh-Hant-TW".
bool is_locale(std::string_view locale) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (locale.size() != 2 && locale.size() != 5) return false;
  return lower(locale[0]) && lower(locale[1]) &&
         (locale.size() == 2 || (locale[2] == '-' && upper(locale[3]) && upper(locale[4])));
}

// 1: the money is there, 2: on its way, 3: refused, 0: says nothing.
int weight(const Json& capture) {
  const std::string status = text(capture, "status");
  if (status == "COMPLETED" || status == "PARTIALLY_REFUNDED" || status == "REFUNDED") return 1;
  if (status == "PENDING") return 2;
  return status == "DECLINED" || status == "FAILED" ? 3 : 0;
}

// An order may hold failed captures beside the one that counts.
const Json* capture_that_counts(const Json& unit) {
  const Json* best = nullptr;
  for (const Json& capture : elements(member(unit, "payments", "captures"))) {
    if (weight(capture) == 0) throw OutcomeUnknown("PayPal's answer has a capture of unknown status");
    if (best == nullptr || weight(capture) < weight(*best)) best = &capture;
  }
  return best;
}

const Json& unit_in(const Json& order) {
  const Json::array_t& units = elements(member(order, "purchase_units"));
  if (units.size() != 1) throw OutcomeUnknown("PayPal's answer has not the one purchase unit that was asked");
  return units.front();
}

Payment pending(std::string reference, const Json& capture) {
  const std::string reason = text(capture, "status_details", "reason");
  // An electronic cheque takes days; a review, or a person who has to accept the payment, takes hours.
  return Payment::pending(std::move(reference), reason == "ECHECK" ? 24 * hour : hour);
}

}  // namespace

std::string dump(const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json experience(std::string_view return_url, std::string_view cancel_url, std::string_view locale,
                std::string_view brand) {
  Json context{{"return_url", return_url},
               {"cancel_url", cancel_url.empty() ? return_url : cancel_url},
               {"shipping_preference", "NO_SHIPPING"}};
  if (const std::string name = line(brand, 127); !name.empty()) context["brand_name"] = name;
  if (is_locale(locale)) context["locale"] = locale;
  return context;
}

std::string order_to_approve(const bursar::Charge& charge, const std::string& value, std::string_view brand) {
  Json context = experience(charge.return_url, charge.cancel_url, charge.locale, brand);
  context["user_action"] = "PAY_NOW";
  Json wallet{{"experience_context", std::move(context)}};
  if (charge.save_method) {
    wallet["attributes"]["vault"] = {
        {"store_in_vault", "ON_SUCCESS"}, {"usage_type", "MERCHANT"}, {"customer_type", "CONSUMER"}};
  }
  return dump({{"intent", "CAPTURE"},
               {"purchase_units", Json::array({unit_of(charge, value)})},
               {"payment_source", {{"paypal", std::move(wallet)}}}});
}

std::string order_to_charge(const bursar::Charge& charge, const std::string& value) {
  Json order{{"intent", "CAPTURE"}, {"purchase_units", Json::array({unit_of(charge, value)})}};
  // Should PayPal want the customer after all, they need a way back.
  if (!charge.return_url.empty()) {
    order["application_context"] = experience(charge.return_url, charge.cancel_url, charge.locale, {});
  }
  return dump(order);
}

std::string capture_of_approved() { return "{}"; }

std::string capture_with_token(std::string_view vault_id) {
  return dump({{"payment_source",
                {{"paypal",
                  {{"vault_id", vault_id},
                   {"stored_credential", {{"payment_initiator", "MERCHANT"}, {"usage", "SUBSEQUENT"}}}}}}}});
}

std::string approval_link(const Json& order) {
  for (const std::string_view rel : {"payer-action", "approve", "redirect"}) {
    std::string url = link(order, rel);
    if (url.starts_with("https://") || url.starts_with("http://127.0.0.1:")) return url;
  }
  return {};
}

Payment to_approve(std::string order_id, std::string url) {
  return Payment::requires_action(
      std::move(order_id), {.type = "redirect", .url = std::move(url), .text = "Approve the payment at PayPal."});
}

bursar::Method method_of(std::string token, const Json& wallet) {
  const std::string email = line(text(wallet, "email_address"), 254);
  return {.token = std::move(token), .type = "paypal", .label = email.empty() ? "PayPal" : "PayPal " + email};
}

Payment payment_of_capture(const Json& capture) {
  const std::string id = text(capture, "id");
  if (!is_id(id)) throw OutcomeUnknown("PayPal's answer has a capture without an id");
  switch (weight(capture)) {
    case 1: {
      const auto amount = money(member(capture, "amount"));
      if (!amount || amount->minor <= 0) throw OutcomeUnknown("PayPal's answer has a capture without an amount");
      Payment payment = Payment::succeeded(id);
      payment.processed = *amount;
      const auto fee = money(member(capture, "seller_receivable_breakdown", "paypal_fee"));
      if (fee && fee->minor >= 0 && (fee->currency != amount->currency || fee->minor <= amount->minor))
        payment.fee = *fee;
      return payment;
    }
    case 2:
      return pending(id, capture);
    case 3: {
      Payment payment = declined_by_processor(capture);
      payment.reference = id;
      return payment;
    }
    default:
      throw OutcomeUnknown("PayPal's answer has a capture of unknown status");
  }
}

Payment payment_of_order(const Json& order, std::string_view payment_id) {
  const std::string id = text(order, "id");
  const std::string status = text(order, "status");
  if (!is_id(id) || status.empty()) throw OutcomeUnknown("PayPal's answer is no order");
  const Json& unit = unit_in(order);
  if (text(unit, "custom_id") != payment_id) throw OutcomeUnknown("PayPal's answer is about another payment");
  if (const Json* capture = capture_that_counts(unit)) {
    Payment payment = payment_of_capture(*capture);
    const Json& wallet = member(order, "payment_source", "paypal");
    const std::string token = text(wallet, "attributes", "vault", "id");
    if (payment.outcome == bursar::PaymentOutcome::succeeded && is_id(token)) payment.method = method_of(token, wallet);
    return payment;
  }
  if (status == "APPROVED") return Payment::ready_to_complete(id);
  if (status == "VOIDED") {
    return Payment::declined(bursar::Decline::soft, "other", "The payment was not approved at PayPal in time.");
  }
  if (status != "CREATED" && status != "SAVED" && status != "PAYER_ACTION_REQUIRED") {
    throw OutcomeUnknown("PayPal's order is " + line(status, 64) + " and holds no capture");
  }
  std::string url = approval_link(order);
  if (url.empty()) throw OutcomeUnknown("PayPal's answer has no link for the customer");
  return to_approve(id, std::move(url));
}

Payment payment_of_refund(const Json& refund) {
  const std::string id = text(refund, "id");
  const std::string status = text(refund, "status");
  if (!is_id(id)) throw OutcomeUnknown("PayPal's answer is no refund");
  if (status == "PENDING") return Payment::pending(id, 24 * hour);
  if (status == "FAILED" || status == "CANCELLED") {
    Payment payment = Payment::declined(bursar::Decline::final, "other", "PayPal: the refund is " + status);
    payment.reference = id;
    return payment;
  }
  if (status != "COMPLETED") throw OutcomeUnknown("PayPal's refund has an unknown status");
  const auto amount = money(member(refund, "amount"));
  if (!amount || amount->minor <= 0) throw OutcomeUnknown("PayPal's refund has no amount");
  Payment payment = Payment::succeeded(id);
  payment.processed = *amount;
  return payment;
}

const Json::array_t& refunds_in_order(const Json& order) {
  return elements(member(unit_in(order), "payments", "refunds"));
}

const Json& refund_in_order(const Json& order, std::string_view refund_id) {
  static const Json none;
  for (const Json& refund : refunds_in_order(order)) {
    if (text(refund, "custom_id") == refund_id || text(refund, "invoice_id") == refund_id) return refund;
  }
  return none;
}

std::string order_of_capture(const Json& capture) {
  std::string id = text(capture, "supplementary_data", "related_ids", "order_id");
  if (id.empty()) {
    const std::string up = link(capture, "up");
    const std::size_t at = up.rfind("/orders/");
    if (at != std::string::npos) id = up.substr(at + 8);
  }
  return is_id(id) ? id : std::string();
}

}  // namespace paypal
