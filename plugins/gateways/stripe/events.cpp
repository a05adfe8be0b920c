#include "events.hpp"

#include "money.hpp"
#include "states.hpp"

namespace stripe {
namespace {

using bursar::Event;
using bursar::EventKind;

bool is_one_of(std::string_view type, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), type) != names.end();
}

void about_intent(const Object& intent, Event& event) {
  event.payment_id = metadata(intent, meta_payment);
  if (event.payment_id.empty()) return;  // of another system on the same Stripe account
  event.kind = EventKind::payment;
  event.gateway_reference = intent.text("id");
}

void about_session(const Object& session, Event& event) {
  event.gateway_reference = session.text("id");
  if (session.text("mode") == "setup") {
    event.setup_id = metadata(session, meta_setup);
    if (!event.setup_id.empty()) event.kind = EventKind::method_saved;
    return;
  }
  event.payment_id = metadata(session, meta_payment);
  if (!event.payment_id.empty()) event.kind = EventKind::payment;
}

void about_setup(const Object& intent, Event& event) {
  event.setup_id = metadata(intent, meta_setup);
  if (!event.setup_id.empty()) event.kind = EventKind::method_saved;
}

// Whose payment a PaymentIntent is: refunds from the dashboard and disputes carry nothing of ours.
std::string payment_of(bursar::Call& call, Api& api, const std::string& intent_id) {
  if (intent_id.empty()) return {};
  const std::optional<Json> intent =
      api.find(call, "/v1/payment_intents/" + plugin_support::percent_encoded(intent_id));
  return intent ? metadata(Object(*intent, "payment_intent"), meta_payment) : std::string();
}

void about_refund(bursar::Call& call, Api& api, const Object& refund, Event& event) {
  event.refund_id = metadata(refund, meta_refund);
  event.payment_id = metadata(refund, meta_payment);
  event.gateway_reference = refund.text("id");
  if (!event.refund_id.empty()) {
    event.kind = EventKind::refund;
    return;
  }
  event.payment_id = payment_of(call, api, refund.id_of("payment_intent"));
  if (event.payment_id.empty()) return;
  event.kind = EventKind::refund;
  // As it stands now: a refund may have failed since the event was made.
  const Json now = api.get(call, "/v1/refunds/" + plugin_support::percent_encoded(event.gateway_reference));
  event.payment = payment_of_refund(Object(now, "refund"));
}

// The fee stands in the bookings that take and give back, in the currency of Stripe's payouts; what is left of it after
// all of them is what Stripe keeps.
bursar::Money fee_of_dispute(const Object& dispute) {
  if (!dispute.has("balance_transactions")) return {};
  std::int64_t fee = 0;
  std::string currency;
  for (const Object& transaction : dispute.objects("balance_transactions")) {
    if (!currency.empty() && transaction.text("currency") != currency) return {};
    currency = transaction.text("currency");
    fee += transaction.integer("fee");
  }
  return currency.empty() || fee < 0 ? bursar::Money{} : from_stripe(fee, currency);
}

// What Stripe holds of it by its bookings, where they are in the dispute's currency; else all that is disputed.
bursar::Money taken_by_dispute(const Object& dispute) {
  const std::string currency = dispute.text("currency");
  const std::int64_t disputed = dispute.integer("amount");
  if (!dispute.has("balance_transactions")) return from_stripe(disputed, currency);
  std::int64_t taken = 0;
  for (const Object& transaction : dispute.objects("balance_transactions")) {
    if (transaction.text("currency") != currency) return from_stripe(disputed, currency);
    taken -= transaction.integer("amount");
  }
  return from_stripe(taken > 0 ? taken : disputed, currency);
}

EventKind kind_of_dispute(const std::string& status) {
  if (status == "won") return EventKind::dispute_won;
  if (status == "lost") return EventKind::dispute_lost;
  // An inquiry that ends took nothing away, so it ends well.
  if (status == "warning_closed" || status == "prevented") return EventKind::dispute_won;
  return EventKind::dispute_opened;
}

// An event is a copy of the dispute from when it was made, mostly of before its bookings: what is true now is asked
// for.
void about_dispute(bursar::Call& call, Api& api, const Object& told, Event& event) {
  const Json now = api.get(call, "/v1/disputes/" + plugin_support::percent_encoded(told.text("id")));
  const Object dispute(now, "dispute");
  const std::string status = dispute.text("status");
  const bool inquiry = status.starts_with("warning_") || status == "prevented";
  event.gateway_reference = dispute.id_of("payment_intent");
  event.payment_id = payment_of(call, api, event.gateway_reference);
  if (event.payment_id.empty()) return;
  event.kind = kind_of_dispute(status);
  event.dispute.id = dispute.text("id");
  event.dispute.reason = dispute.optional_text("reason");
  if (!inquiry) {
    event.dispute.amount = taken_by_dispute(dispute);
    event.dispute.fee = fee_of_dispute(dispute);
  }
  if (const auto details = dispute.optional_object("evidence_details")) {
    if (const auto due = details->optional_integer("due_by"); due && *due > 0)
      event.dispute.evidence_by = bursar::Time(std::chrono::seconds(*due));
  }
}

void about_method(const Object& method, const Object& data, std::string_view type, Event& event) {
  std::string customer = method.id_of("customer");
  // A method that was detached no longer says whose it was.
  if (const auto before = data.optional_object("previous_attributes"); before && customer.empty())
    customer = before->id_of("customer");
  if (customer.empty()) return;
  event.kind = EventKind::method_changed;
  event.payment = bursar::Payment{};
  event.payment->method = method_of(method, customer);
  if (type == "payment_method.detached") event.payment->method.label.clear();
}

}  // namespace

std::vector<Event> events_of(bursar::Call& call, Api& api, const Object& envelope) {
  Event event{.event_id = envelope.text("id"),
              .occurred_at = bursar::Time(std::chrono::seconds(envelope.integer("created")))};
  // A platform's events about the accounts connected to it; what Bursar charges is on its own.
  if (envelope.has("account")) return {std::move(event)};
  const std::string type = envelope.text("type");
  const Object data = envelope.object("data");
  const Object object = data.object("object");
  if (type.starts_with("payment_intent.")) about_intent(object, event);
  if (type.starts_with("checkout.session.")) about_session(object, event);
  if (type.starts_with("setup_intent.")) about_setup(object, event);
  if (type.starts_with("refund.") || type == "charge.refund.updated") about_refund(call, api, object, event);
  if (type.starts_with("charge.dispute.")) about_dispute(call, api, object, event);
  if (is_one_of(type, {"payment_method.updated", "payment_method.automatically_updated", "payment_method.detached"}))
    about_method(object, data, type, event);
  return {std::move(event)};
}

}  // namespace stripe
