#include "gateway.hpp"

#include "amounts.hpp"
#include "orders.hpp"
#include "refusals.hpp"

namespace paypal {
namespace {

using bursar::Call;
using bursar::Decline;
using bursar::NotAttempted;
using bursar::OutcomeUnknown;
using bursar::Payment;
using bursar::PaymentOutcome;

// Longer than a request can be under way at PayPal: a capture that was asked for before and is not there will not come.
constexpr std::int64_t settled_ms = 10 * 60'000LL;
// PayPal keeps the request ids of refunds for 45 days. Past this a refund is never asked for again.
constexpr std::int64_t refund_id_lives_ms = 40 * 86'400'000LL;
constexpr bursar::Milliseconds soon{30'000};
// Orders that lapsed one after another, before a charge gives up for this time.
constexpr int rounds_max = 5;

constexpr const char* orders_path = "/v2/checkout/orders";
std::string order_path(const std::string& id) { return orders_path + ("/" + id); }
std::string capture_path(std::string_view id) { return "/v2/payments/captures/" + std::string(id); }

Payment out_of_range(const bursar::Money& amount) {
  return Payment::declined(
      Decline::soft, "amount_out_of_range",
      "PayPal cannot take this amount of " + amount.currency + "; it takes HUF, JPY and TWD without decimals only");
}

// PayPal has dropped an order whose capture was never asked for.
Payment lapsed() {
  return Payment::declined(Decline::soft, "other", "The payment was not approved and taken at PayPal in time.");
}

// The first order's requests and those of the orders that followed it have different request ids.
std::string step_of(const char* name, int round) { return round == 0 ? name : name + std::to_string(round); }

// For an order that was captured, by PayPal's word.
Payment taken(const Json& order, std::string_view payment_id) {
  Payment payment = payment_of_order(order, payment_id);
  if (payment.outcome == PaymentOutcome::requires_action || payment.ready) {
    throw OutcomeUnknown("PayPal says that the order was captured, and that it was not");
  }
  return payment;
}

}  // namespace

Answer Gateway::make_order(Call& call, std::string_view payment_id, int round, const std::string& body, Act act) {
  return api_.post(call, orders_path, api_.request_id(call, payment_id, step_of("order", round)), body, act);
}

// No money moves here: whatever gets lost, the customer has no link, and another try is safe.
Payment Gateway::begin(Call& call, const bursar::Charge& charge) {
  const auto value = to_decimal(charge.amount);
  if (!value) return out_of_range(charge.amount);
  const auto before = slips_.payment(call, charge.payment_id);
  Slip slip;
  if (before) {
    call.mark_acted();  // it was begun before, and may even be paid
    const Answer found = api_.get(call, order_path(before->order));
    if (found.good()) return payment_of_order(found.body, charge.payment_id);
    if (found.status != 404 || before->asked_at != 0) throw OutcomeUnknown(found.words());
    slip.round = before->round + 1;
  }
  const std::string body = order_to_approve(charge, *value, brand_);
  const Answer made = make_order(call, charge.payment_id, slip.round, body, Act::prepares);
  if (auto no = refused_before(call, made)) return *no;
  if (!made.good()) throw NotAttempted(made.words());
  Payment payment = payment_of_order(made.body, charge.payment_id);
  slip.order = text(made.body, "id");
  slips_.write(call, charge.payment_id, before, slip);
  return payment;
}

// In two steps, an order and its capture, so that the order's id is stored before money moves: an order is captured
// once at most, also when PayPal has long forgotten the request id.
Payment Gateway::charge(Call& call, const bursar::Charge& charge) {
  const auto value = to_decimal(charge.amount);
  if (!value) return out_of_range(charge.amount);
  if (!is_id(charge.method_token))
    return Payment::declined(Decline::final, "wrong_details", "not a PayPal vault token");
  auto stored = slips_.payment(call, charge.payment_id);
  for (int round = 0; round < rounds_max; ++round) {
    Slip slip = stored.value_or(Slip{.away = true});
    if (slip.order.empty()) {
      // Its own call to the SDK: should the capture then not even be sent, nothing that moves money was.
      Call making(call.raw());
      const Answer made =
          make_order(making, charge.payment_id, slip.round, order_to_charge(charge, *value), Act::moves);
      if (auto no = refused_before(call, made)) return *no;
      if (!made.good() || !is_id(text(made.body, "id"))) throw OutcomeUnknown(made.words());
      slip.order = text(made.body, "id");
      slips_.write(call, charge.payment_id, stored, slip);
      stored = slip;
    }
    const bool first = slip.asked_at == 0;
    const Answer answer = ask_capture(call, charge.payment_id, slip, capture_with_token(charge.method_token));
    if (!first || !answer.refused() || kind_of(answer) != Refusal::lapsed) {
      return after_capture(call, answer, charge.payment_id, slip);
    }
    Slip next{.away = true, .round = slip.round + 1};
    slips_.write(call, charge.payment_id, slip, next);
    stored = next;
  }
  throw OutcomeUnknown("PayPal's orders lapsed one after another");
}

Payment Gateway::complete(Call& call, const bursar::Capture& capture) {
  auto stored = slips_.payment(call, capture.payment_id);
  if (!stored || stored->order.empty()) {
    if (!is_id(capture.gateway_reference)) throw NotAttempted("no order is known for this payment");
    Slip found = stored.value_or(Slip{});
    found.order = capture.gateway_reference;
    slips_.write(call, capture.payment_id, stored, found);
    stored = found;
  }
  Slip slip = *stored;
  const bool first = slip.asked_at == 0;
  const Answer answer = ask_capture(call, capture.payment_id, slip, capture_of_approved());
  if (first && answer.refused() && kind_of(answer) == Refusal::lapsed) return lapsed();
  return after_capture(call, answer, capture.payment_id, slip);
}

Answer Gateway::ask_capture(Call& call, std::string_view payment_id, Slip& slip, const std::string& body) {
  const Slip before = slip;
  slip.asked_at = now();
  slip.action = false;
  slips_.write(call, payment_id, before, slip);
  return api_.post(call, order_path(slip.order) + "/capture",
                   api_.request_id(call, payment_id, step_of("capture", slip.round)), body, Act::moves);
}

Payment Gateway::after_capture(Call& call, const Answer& answer, std::string_view payment_id, Slip& slip) {
  if (answer.good()) return payment_of_order(answer.body, payment_id);
  if (untouched(answer)) return not_done(call, answer);
  if (!answer.refused()) throw OutcomeUnknown(answer.words());
  switch (kind_of(answer)) {
    case Refusal::approve:
      return to_approve_again(call, answer, payment_id, slip);
    case Refusal::captured:
      return taken(order_of(call, slip.order), payment_id);
    case Refusal::under_way:
      return Payment::pending(slip.order, soon);
    case Refusal::config:
      return not_done(call, answer);
    case Refusal::decline:
      return declined(answer);
    case Refusal::doubled:
    case Refusal::lapsed:
      break;
  }
  throw OutcomeUnknown(answer.words());
}

// Present: PayPal lets them choose another way to pay for the same order. Away: only where PayPal insists on the
// customer; a card that was declined may do better another day.
Payment Gateway::to_approve_again(Call& call, const Answer& answer, std::string_view payment_id, Slip& slip) {
  if (slip.away && answer.issue() != "PAYER_ACTION_REQUIRED") return declined(answer);
  std::string url = approval_link(answer.body);
  if (url.empty()) url = approval_link(order_of(call, slip.order));
  if (url.empty()) throw OutcomeUnknown("PayPal wants the customer, and names no address: " + answer.words());
  const Slip before = slip;
  slip.action = true;
  slips_.write(call, payment_id, before, slip);
  return to_approve(slip.order, std::move(url));
}

Json Gateway::order_of(Call& call, const std::string& id) {
  Answer found = api_.get(call, order_path(id));
  if (!found.good()) throw OutcomeUnknown(found.words());
  return std::move(found.body);
}

Payment Gateway::refund(Call& call, const bursar::Refund& refund) {
  const auto value = to_decimal(refund.amount);
  if (!value) return out_of_range(refund.amount);
  if (!is_id(refund.gateway_reference)) return Payment::declined(Decline::final, "other", "not a PayPal capture");
  RefundSlip slip{.capture = std::string(refund.gateway_reference), .asked_at = now()};
  if (const auto before = slips_.refund(call, refund.refund_id)) {
    slip = *before;
    if (now() - slip.asked_at > refund_id_lives_ms) {
      call.mark_acted();
      if (auto made = refund_made(call, refund.refund_id, slip.capture)) return *made;
      throw OutcomeUnknown("the refund is too old to be asked for again; see at PayPal whether it was made");
    }
  } else {
    slips_.write(call, refund.refund_id, slip);
  }
  Json body{{"amount", {{"currency_code", refund.amount.currency}, {"value", *value}}},
            {"custom_id", refund.refund_id},
            {"invoice_id", refund.refund_id}};
  if (const std::string note = line(refund.reason, 255); !note.empty()) body["note_to_payer"] = note;
  const Answer answer = api_.post(call, capture_path(slip.capture) + "/refund",
                                  api_.request_id(call, refund.refund_id, "refund"), dump(body), Act::moves);
  if (answer.good()) {
    const std::string said = text(answer.body, "custom_id");
    if (!said.empty() && said != refund.refund_id) throw OutcomeUnknown("PayPal's answer is about another refund");
    return payment_of_refund(answer.body);
  }
  if (untouched(answer)) return not_done(call, answer);
  if (!answer.refused()) throw OutcomeUnknown(answer.words());
  switch (kind_of(answer)) {
    case Refusal::config:
      return not_done(call, answer);
    case Refusal::under_way:
      throw OutcomeUnknown(answer.words());
    case Refusal::doubled:
    case Refusal::decline:
      // "Nothing is left" may be about this very refund.
      if (auto made = refund_made(call, refund.refund_id, slip.capture)) return *made;
      if (kind_of(answer) == Refusal::doubled) throw OutcomeUnknown(answer.words());
      break;
    case Refusal::approve:
    case Refusal::captured:
    case Refusal::lapsed:
      break;
  }
  return declined(answer);
}

// PayPal lists the refunds of a capture in its order only.
std::optional<Payment> Gateway::refund_made(Call& call, std::string_view refund_id, const std::string& capture) {
  const Answer found = api_.get(call, capture_path(capture));
  if (!found.good()) throw OutcomeUnknown(found.words());
  const std::string order = order_of_capture(found.body);
  if (order.empty()) throw OutcomeUnknown("PayPal does not say which order the capture belongs to");
  const Json whole = order_of(call, order);
  const Json& refund = refund_in_order(whole, refund_id);
  if (refund.is_null()) return std::nullopt;
  return payment_of_refund(refund);
}

// The slip comes before every request that could move money: without one, nothing was ever asked in this name.
Payment Gateway::lookup(Call& call, const bursar::Lookup& lookup) {
  if (lookup.kind != bursar::LookupKind::refund) {
    if (auto slip = slips_.payment(call, lookup.id)) return payment_as_told(call, lookup, std::move(*slip));
  }
  if (lookup.kind != bursar::LookupKind::payment) {
    if (const auto slip = slips_.refund(call, lookup.id)) return refund_as_told(call, lookup, *slip);
  }
  return lookup.gateway_reference.empty() ? Payment::not_attempted() : by_reference(call, lookup);
}

Payment Gateway::payment_as_told(Call& call, const bursar::Lookup& lookup, Slip slip) {
  if (slip.order.empty()) return Payment::not_attempted();
  const Answer found = api_.get(call, order_path(slip.order));
  if (found.status == 404) {
    if (slip.asked_at != 0) return by_reference(call, lookup);
    if (slip.away) return Payment::not_attempted();
    return lapsed();
  }
  if (!found.good()) throw OutcomeUnknown(found.words());
  Payment payment = payment_of_order(found.body, lookup.id);
  if (!slip.away || slip.action || payment.outcome != PaymentOutcome::requires_action) return payment;
  // Not captured. What was asked a moment ago may still be under way.
  if (slip.asked_at != 0 && now() - slip.asked_at < settled_ms) {
    throw OutcomeUnknown("PayPal has not captured the order, and may still be at work on it");
  }
  const Slip before = slip;
  slip.asked_at = 0;
  if (before.asked_at != 0) slips_.write(call, lookup.id, before, slip);
  return Payment::not_attempted();
}

Payment Gateway::refund_as_told(Call& call, const bursar::Lookup& lookup, const RefundSlip& slip) {
  if (is_id(lookup.gateway_reference)) return by_reference(call, lookup);
  if (auto made = refund_made(call, lookup.id, slip.capture)) return *made;
  const std::int64_t age = now() - slip.asked_at;
  if (age < settled_ms || age > refund_id_lives_ms) throw OutcomeUnknown("PayPal shows no such refund");
  return Payment::not_attempted();
}

Payment Gateway::by_reference(Call& call, const bursar::Lookup& lookup) {
  const std::string id(lookup.gateway_reference);
  if (!is_id(id)) throw OutcomeUnknown("PayPal does not know the payment's order any more");
  if (lookup.kind != bursar::LookupKind::refund) {
    if (const Answer order = api_.get(call, order_path(id)); order.good())
      return payment_of_order(order.body, lookup.id);
    if (const Answer capture = api_.get(call, capture_path(id)); capture.good()) {
      if (text(capture.body, "custom_id") != lookup.id) throw OutcomeUnknown("the capture is of another payment");
      return payment_of_capture(capture.body);
    }
  }
  if (lookup.kind != bursar::LookupKind::payment) {
    if (const Answer refund = api_.get(call, "/v2/payments/refunds/" + id); refund.good()) {
      if (text(refund.body, "custom_id") != lookup.id) throw OutcomeUnknown("the refund is another one");
      return payment_of_refund(refund.body);
    }
  }
  throw OutcomeUnknown("PayPal does not know " + id);
}

}  // namespace paypal
