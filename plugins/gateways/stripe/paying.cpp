// begin, charge, setup, refund, void, detach: what acts.
#include "gateway.hpp"
#include "hex.hpp"

namespace stripe {

using bursar::Payment;

namespace {

Payment not_exact(const bursar::Money& amount) {
  return Payment::declined(bursar::Decline::final, "amount_out_of_range",
                           "Stripe takes " + amount.currency + " in larger steps than this amount has");
}

std::string path_of(const char* folder, std::string_view id) {
  return std::string(folder) + plugin_support::percent_encoded(id);
}

}  // namespace

// What Stripe refuses before any bank is asked, and is sure about.
Payment Gateway::refused(bursar::Call& call, const Failure& failure) {
  const auto declined = [&](std::string_view code) {
    return Payment::declined(bursar::Decline::final, std::string(code), failure.message);
  };
  // Detached, deleted with its customer, or attached to another one: this method will not come back.
  if (failure.param == "payment_method" || failure.missing("customer")) return declined("method_revoked");
  if (failure.code.starts_with("amount_too_") || failure.code == "charge_already_refunded" ||
      failure.param == "amount" || failure.code == "invalid_charge_amount_no_decimal_compatible" ||
      failure.param.ends_with("[unit_amount]"))
    return declined("amount_out_of_range");
  if (failure.param == "currency" || failure.param.ends_with("[currency]")) return declined("currency_unsupported");
  if (failure.code == "charge_disputed") return declined("other");
  // Something between Bursar and the account is not as it should be; the payment itself may yet be made.
  call.report(BURSAR_SEVERITY_ERROR, failure.code.empty() ? failure.type : failure.code, failure.message, failure.param,
              bursar::Retry::after_fix);
  return Payment::not_attempted();
}

std::string Gateway::new_customer(bursar::Call& call, const Person& person, const std::string& key) {
  const Form form = customer_form(person);
  // A name may have changed since an attempt whose answer was lost: that is another request, under another key.
  const std::string digest = hex(host_.hash(BURSAR_DIGEST_SHA256, form.encoded())).substr(0, 16);
  const Answer made = api_.post(call, "/v1/customers", form, key + ":customer:" + digest);
  if (made.failure)
    throw NothingDone("Stripe made no customer: " + made.failure->message, bursar::Retry::after_fix, {});
  std::string customer = Object(made.json, "customer").text("id");
  memory_.put_customer(call, person.account, customer);
  return customer;
}

std::string Gateway::customer_of(bursar::Call& call, const Person& person) {
  if (const auto known = memory_.customer(call, person.account)) return *known;
  return new_customer(call, person, std::string(call.idempotency_key()));
}

// Opens a page and remembers it. A customer that was deleted at Stripe is made anew.
Answer Gateway::open(bursar::Call& call, const Person& person, std::string_view id, Sent kind, const std::string& key,
                     const std::function<Form(const std::string&)>& form) {
  std::string customer = customer_of(call, person);
  Answer answer = api_.post(call, "/v1/checkout/sessions", form(customer), key);
  if (answer.failure && answer.failure->missing("customer")) {
    customer = new_customer(call, person, key + ":again");
    answer = api_.post(call, "/v1/checkout/sessions", form(customer), key + ":again");
  }
  if (!answer.failure) {
    const std::string reference = Object(answer.json, "session").text("id");
    memory_.put(call, id, {.kind = kind, .customer = customer, .reference = reference, .since = host_.now()});
  }
  return answer;
}

Payment Gateway::open_page(bursar::Call& call, const bursar::Charge& charge, const std::string& key, bool save) {
  const std::optional<std::int64_t> amount = to_stripe(charge.amount);
  if (!amount) return not_exact(charge.amount);
  const Person person{charge.account_id, charge.customer_name, charge.customer_email};
  const Answer answer = open(call, person, charge.payment_id, Sent::session, key, [&](const std::string& customer) {
    return page_form(charge, *amount, customer, suffix_, save);
  });
  if (answer.failure) return refused(call, *answer.failure);
  return payment_of_session(Object(answer.json, "session"), charge.payment_id);
}

Payment Gateway::begin(bursar::Call& call, const bursar::Charge& charge) {
  return acting(call, [&] {
    if (!memory_.find(call, charge.payment_id))
      memory_.put(call, charge.payment_id, {.kind = Sent::session, .since = host_.now()});
    return open_page(call, charge, std::string(call.idempotency_key()), save_methods_ && charge.save_method);
  });
}

Payment Gateway::setup(bursar::Call& call, const bursar::MethodSetup& setup) {
  if (!save_methods_) return Payment::declined(bursar::Decline::final, "other", "saving methods is switched off");
  // Stripe asks for a currency to know which methods to offer.
  const std::string currency = small_letters(setup.currency.empty() ? currencies_.front() : setup.currency);
  return acting(call, [&] {
    if (!memory_.find(call, setup.setup_id))
      memory_.put(call, setup.setup_id, {.kind = Sent::setup, .since = host_.now()});
    const Person person{setup.account_id, setup.customer_name, setup.customer_email};
    const Answer answer = open(call, person, setup.setup_id, Sent::setup, std::string(call.idempotency_key()),
                               [&](const std::string& customer) { return setup_form(setup, currency, customer); });
    if (answer.failure) return refused(call, *answer.failure);
    return payment_of_session(Object(answer.json, "session"), setup.setup_id);
  });
}

// Stripe keeps a server's error under the idempotency key and repeats it for a day. The kernel comes back only when a
// lookup has told that nothing happened; the next attempt then needs a key of its own, or it could not be made.
Answer Gateway::send(bursar::Call& call, std::string_view id, Entry& entry, const std::string& path, const Form& form) {
  entry.since = host_.now();
  memory_.put(call, id, entry);
  const std::string suffix = entry.broken == 0 ? std::string() : ":" + std::to_string(entry.broken);
  try {
    return api_.post(call, path, form, std::string(call.idempotency_key()) + suffix);
  } catch (const ServerError&) {
    ++entry.broken;
    memory_.put(call, id, entry);
    throw;
  }
}

Payment Gateway::charge(bursar::Call& call, const bursar::Charge& charge) {
  const std::optional<std::int64_t> amount = to_stripe(charge.amount);
  if (!amount) return not_exact(charge.amount);
  return acting(call, [&]() -> Payment {
    const Token token = Token::parse(charge.method_token);
    Entry entry{.kind = Sent::intent, .customer = token.customer};
    // Stripe forgets idempotency keys after a day or more. A payment that was sent before is looked for first, so that
    // no later attempt, under whatever key, charges a second time.
    if (const auto before = memory_.find(call, charge.payment_id)) {
      if (!before->reference.empty() && before->kind == Sent::session) {
        const auto page = by_reference(call, charge.payment_id, before->reference);
        if (page && page->outcome != bursar::PaymentOutcome::declined) return *page;
      }
      const auto found = among_payments(call, charge.payment_id, token.customer);
      if (found && found->outcome != bursar::PaymentOutcome::declined) return *found;
      entry.broken = before->broken;
    }
    const Answer answer =
        send(call, charge.payment_id, entry, "/v1/payment_intents", intent_form(charge, *amount, suffix_));
    if (answer.failure) return charge_failed(call, charge, *answer.failure);
    const Object intent(answer.json, "payment_intent");
    Payment payment = payment_of_intent(intent, charge.payment_id);
    entry.reference = intent.text("id");
    memory_.put(call, charge.payment_id, entry);
    return payment;
  });
}

Payment Gateway::charge_failed(bursar::Call& call, const bursar::Charge& charge, const Failure& failure) {
  if (failure.status != 402) return refused(call, failure);
  const Decline decline = decline_of(failure.code, failure.decline_code, failure.advice_code);
  if (decline.refusal == Refusal::act) return confirm_on_page(call, charge, failure);
  return declined_by(failure.code, failure.decline_code, failure.advice_code, failure.message);
}

// The bank wants the customer themselves. The refused intent can no longer be charged: that takes a new method and a
// confirmation, and only we could send them. So the customer gets a page for the same payment.
Payment Gateway::confirm_on_page(bursar::Call& call, const bursar::Charge& charge, const Failure& failure) {
  if (!charge.return_url.empty()) {
    try {
      Payment payment = open_page(call, charge, std::string(call.idempotency_key()) + ":confirm", false);
      if (payment.outcome == bursar::PaymentOutcome::requires_action) return payment;
    } catch (const NothingDone& why) {
      call.warn("no_page", why.what());
    } catch (const ServerError& why) {
      call.warn("no_page", why.what());
    } catch (const bursar::OutcomeUnknown& why) {
      // A page whose address nobody was told can't be paid.
      call.warn("no_page", why.what());
    }
  }
  return declined_by(failure.code, failure.decline_code, failure.advice_code, failure.message);
}

// The PaymentIntent that a payment's reference leads to.
std::string Gateway::intent_of(bursar::Call& call, std::string_view reference) {
  if (!reference.starts_with("cs_")) return std::string(reference);
  const Json session = api_.get(call, path_of("/v1/checkout/sessions/", reference));
  const std::string intent = Object(session, "session").id_of("payment_intent");
  if (intent.empty()) throw bursar::NotAttempted("nothing was paid on that Checkout page yet");
  return intent;
}

Payment Gateway::refund(bursar::Call& call, const bursar::Refund& refund) {
  const std::optional<std::int64_t> amount = to_stripe(refund.amount);
  if (!amount) return not_exact(refund.amount);
  return acting(call, [&]() -> Payment {
    const std::string intent = intent_of(call, refund.gateway_reference);
    // As with charges: the key alone protects for a day only.
    Entry entry{.kind = Sent::refund, .payment = intent};
    if (const auto before = memory_.find(call, refund.refund_id)) {
      const auto found = among_refunds(call, refund.refund_id, intent);
      if (found && found->outcome != bursar::PaymentOutcome::declined) return *found;
      entry.broken = before->broken;
    }
    const Answer answer = send(call, refund.refund_id, entry, "/v1/refunds", refund_form(refund, *amount, intent));
    if (answer.failure) return refused(call, *answer.failure);
    const Object made(answer.json, "refund");
    if (metadata(made, meta_refund) != refund.refund_id)
      throw bursar::OutcomeUnknown("Stripe answered with another refund");
    Payment payment = payment_of_refund(made);
    entry.reference = made.text("id");
    memory_.put(call, refund.refund_id, entry);
    return payment;
  });
}

// A page is expired, an intent is cancelled. Where Stripe refuses, it was paid or is over already, and says which.
Payment Gateway::void_payment(bursar::Call& call, const bursar::Capture& capture) {
  return acting(call, [&]() -> Payment {
    std::string reference(capture.gateway_reference);
    if (const auto entry = memory_.find(call, capture.payment_id); entry && !entry->reference.empty())
      reference = entry->reference;
    if (reference.empty()) throw NothingDone("no page and no intent of it is known", bursar::Retry::later, {});
    const std::string path = reference.starts_with("cs_") ? path_of("/v1/checkout/sessions/", reference) + "/expire"
                                                          : path_of("/v1/payment_intents/", reference) + "/cancel";
    const Answer answer = api_.post(call, path, {}, std::string(call.idempotency_key()));
    if (!answer.failure) return Payment::succeeded(reference);
    const auto found = by_reference(call, capture.payment_id, reference);
    if (found && found->outcome == bursar::PaymentOutcome::declined) return Payment::succeeded(reference);
    return Payment::declined(bursar::Decline::final, "other", answer.failure->message);
  });
}

void Gateway::detach_method(bursar::Call& call, const bursar::Detach& detach) {
  const Token token = Token::parse(detach.method_token);
  try {
    const Answer answer = api_.post(call, path_of("/v1/payment_methods/", token.method) + "/detach", {}, {});
    // 400: it is attached to nobody, or was used up; either way it can't be charged any more.
    if (answer.failure && answer.failure->status != 404 && answer.failure->status != 400)
      throw bursar::Error(answer.failure->code, answer.failure->message, bursar::Retry::later);
  } catch (const NothingDone& why) {
    throw bursar::Error("not_attempted", why.what(), why.retry);
  }
}

}  // namespace stripe
