// What Stripe knows of an operation now. `not_attempted` lets the kernel try again, so a wrong one charges twice.
// These say it:
//  - For a page, whether for a payment or a setup: no id of it ever came back. Nobody has its address, so it can't be
//    paid, even if Stripe made it.
//  - For a charge or refund that was sent: it is not in Stripe's *list* of that customer's payments, or that payment's
//    refunds, settle_time after it was sent. Lists know at once what happened; the time is for a request still under
//    way. No list is bounded by dates, since Stripe's clock need not be ours.
//  - For one that was never sent as far as this store knows (a crash before it, or a store older than what happened):
//    it was not found for search_lag, as search is behind by minutes, in an outage by more.
// An empty search alone never does. What is sent again carries the same idempotency key, which Stripe keeps for at
// least a day: within that a wrong answer would still charge once.
#include "gateway.hpp"

namespace stripe {

using bursar::Payment;

namespace {

// How long a request of ours may be under way after we gave up on it. It is far above what Stripe works on one.
constexpr bursar::Milliseconds settle_time = std::chrono::minutes(15);
constexpr bursar::Milliseconds search_lag = std::chrono::hours(1);
constexpr bursar::Milliseconds soon = std::chrono::minutes(1);
constexpr int page_size = 100;
constexpr int pages_max = 10;

Payment not_known_yet(bursar::Call& call, bursar::Milliseconds wait) {
  call.warn("not_found_yet", "Stripe knows nothing of it so far, which may change");
  Payment payment = Payment::unknown();
  payment.poll_after = wait;
  return payment;
}

std::string path_of(const char* folder, std::string_view id) {
  return std::string(folder) + plugin_support::percent_encoded(id);
}

// Of several attempts of one payment: the one that moved money, or still may; else the latest.
bool tells_more(const Payment& left, const Payment& right) {
  const auto rank = [](const Payment& payment) {
    return payment.outcome == bursar::PaymentOutcome::succeeded  ? 2
           : payment.outcome == bursar::PaymentOutcome::declined ? 0
                                                                 : 1;
  };
  return rank(left) > rank(right);
}

// Within the quotation marks of a search.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// Walks a list, newest first. False: it was longer than what is walked, so what was not seen may still be in it.
bool walk(bursar::Call& call, Api& api, const std::string& path, const Form& query,
          const std::function<void(const Object&)>& look) {
  std::string after;
  for (int page = 0; page < pages_max; ++page) {
    Form asked = query;
    asked.add("limit", page_size).add_unless_empty("starting_after", after);
    const Json answer = api.get(call, path, asked);
    const Object list(answer, "list");
    for (const Object& item : list.objects("data")) {
      after = item.text("id");
      look(item);
    }
    if (!list.boolean("has_more")) return true;
    if (after.empty()) list.fault("data", "is empty though there is more");
  }
  return false;
}

}  // namespace

std::optional<Payment> Gateway::among_payments(bursar::Call& call, std::string_view id, const std::string& customer) {
  Form query;
  query.add_unless_empty("customer", customer);
  query.add({"expand", ""}, "data.latest_charge.balance_transaction");
  query.add({"expand", ""}, "data.payment_method");
  std::optional<Payment> best;
  const bool whole = walk(call, api_, "/v1/payment_intents", query, [&](const Object& intent) {
    if (metadata(intent, meta_payment) != id) return;
    Payment payment = payment_of_intent(intent, id);
    if (!best || tells_more(payment, *best)) best = std::move(payment);
  });
  if (!best && !whole)
    throw bursar::OutcomeUnknown("Stripe has more payments of that customer than are looked through");
  return best;
}

std::optional<Payment> Gateway::among_refunds(bursar::Call& call, std::string_view id, const std::string& payment) {
  Form query;
  query.add_unless_empty("payment_intent", payment);
  std::optional<Payment> found;
  const bool whole = walk(call, api_, "/v1/refunds", query, [&](const Object& refund) {
    if (metadata(refund, meta_refund) != id) return;
    Payment tells = payment_of_refund(refund);
    if (!found || tells_more(tells, *found)) found = std::move(tells);
  });
  if (!found && !whole) throw bursar::OutcomeUnknown("Stripe has more refunds than are looked through");
  return found;
}

// Nothing: the reference is of no kind that is known.
std::optional<Payment> Gateway::by_reference(bursar::Call& call, std::string_view id, const std::string& reference) {
  Form query;
  if (reference.starts_with("cs_")) {
    expand_session(query);
    const Json session = api_.get(call, path_of("/v1/checkout/sessions/", reference), query);
    return payment_of_session(Object(session, "session"), id);
  }
  if (reference.starts_with("pi_")) {
    expand_intent(query);
    const Json intent = api_.get(call, path_of("/v1/payment_intents/", reference), query);
    return payment_of_intent(Object(intent, "payment_intent"), id);
  }
  if (reference.starts_with("re_") || reference.starts_with("pyr_")) {
    const Json refund = api_.get(call, path_of("/v1/refunds/", reference));
    const Object object(refund, "refund");
    // One that was begun at Stripe carries no id of ours; it is asked for by its own.
    const std::string owner = metadata(object, meta_refund);
    if (!owner.empty() && owner != id) throw bursar::OutcomeUnknown("Stripe's refund belongs to another one here");
    return payment_of_refund(object);
  }
  return std::nullopt;
}

Payment Gateway::by_entry(bursar::Call& call, std::string_view id, const Entry& entry) {
  std::optional<Payment> found;
  switch (entry.kind) {
    case Sent::session:
    case Sent::setup:
      return Payment::not_attempted();
    case Sent::intent:
      found = among_payments(call, id, entry.customer);
      break;
    case Sent::refund:
      found = among_refunds(call, id, entry.payment);
      break;
  }
  if (found) return *found;
  const bursar::Milliseconds age = host_.now() - entry.since;
  if (age < settle_time) return not_known_yet(call, std::max(settle_time - age, soon));
  return Payment::not_attempted();
}

Payment Gateway::by_looking_everywhere(bursar::Call& call, const bursar::Lookup& lookup) {
  using bursar::LookupKind;
  if (lookup.kind == LookupKind::setup) return Payment::not_attempted();  // as by_entry: nobody has its address
  if (lookup.kind == LookupKind::payment || lookup.kind == LookupKind::any) {
    Form query;
    query.add("query", "metadata[\"" + std::string(meta_payment) + "\"]:\"" + quoted(lookup.id) + "\"");
    query.add({"expand", ""}, "data.latest_charge.balance_transaction");
    query.add({"expand", ""}, "data.payment_method");
    const Json answer = api_.get(call, "/v1/payment_intents/search", query);
    std::optional<Payment> best;
    for (const Object& intent : Object(answer, "result").objects("data")) {
      Payment payment = payment_of_intent(intent, lookup.id);
      if (!best || tells_more(payment, *best)) best = std::move(payment);
    }
    if (best) return *best;
  }
  if (lookup.kind == LookupKind::refund || lookup.kind == LookupKind::any) {
    if (const auto found = among_refunds(call, lookup.id, {})) return *found;
  }
  const bursar::Milliseconds asked_for = host_.now() - memory_.asked_since(call, lookup.id);
  if (asked_for < search_lag) return not_known_yet(call, std::max(search_lag - asked_for, soon));
  return Payment::not_attempted();
}

Payment Gateway::lookup(bursar::Call& call, const bursar::Lookup& lookup) {
  try {
    const std::optional<Entry> entry = memory_.find(call, lookup.id);
    const std::string reference = !lookup.gateway_reference.empty() ? std::string(lookup.gateway_reference)
                                  : entry                           ? entry->reference
                                                                    : std::string();
    if (!reference.empty()) {
      if (const auto found = by_reference(call, lookup.id, reference)) return *found;
    }
    return entry ? by_entry(call, lookup.id, *entry) : by_looking_everywhere(call, lookup);
  } catch (const NothingDone& why) {
    call.report(BURSAR_SEVERITY_ERROR, "outcome_unknown", why.what(), {}, why.retry);
    Payment payment = Payment::unknown();
    payment.poll_after = why.wait;
    return payment;
  }
}

}  // namespace stripe
