#include "states.hpp"

#include "declines.hpp"
#include "money.hpp"

namespace stripe {
namespace {

using bursar::Payment;

std::string brand_name(const std::string& brand) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {{"amex", "American Express"},
                                                                     {"cartes_bancaires", "Cartes Bancaires"},
                                                                     {"diners", "Diners Club"},
                                                                     {"discover", "Discover"},
                                                                     {"eftpos_au", "eftpos"},
                                                                     {"jcb", "JCB"},
                                                                     {"mastercard", "Mastercard"},
                                                                     {"unionpay", "UnionPay"},
                                                                     {"visa", "Visa"}};
  for (const auto& [word, name] : names) {
    if (word == brand) return std::string(name);
  }
  return "Card";
}

void check_owner(const std::string& found, std::string_view wanted, const char* what) {
  if (found != wanted) throw bursar::OutcomeUnknown(std::string("Stripe's ") + what + " belongs to another payment");
}

bursar::Time seconds(std::int64_t unix_seconds) { return bursar::Time(std::chrono::seconds(unix_seconds)); }

// The page where the customer finishes, when Stripe offers one.
std::string action_url(const Object& intent) {
  const std::optional<Object> next = intent.optional_object("next_action");
  if (!next) return {};
  if (const auto redirect = next->optional_object("redirect_to_url")) return redirect->optional_text("url");
  if (const auto verify = next->optional_object("verify_with_microdeposits"))
    return verify->optional_text("hosted_verification_url");
  return {};
}

Payment waiting_for_action(const Object& intent, std::string reference) {
  std::string url = action_url(intent);
  if (url.empty()) return Payment::pending(std::move(reference));
  return Payment::requires_action(
      std::move(reference), {.type = "redirect", .url = std::move(url), .text = "Confirm the payment with your bank."});
}

Payment declined_by_intent(const Object& intent, const char* error_field) {
  if (const auto error = intent.optional_object(error_field)) {
    return declined_by(error->optional_text("code"), error->optional_text("decline_code"),
                       error->optional_text("advice_code"), error->optional_text("message"));
  }
  return Payment::declined(bursar::Decline::soft, "other", "Stripe: " + intent.text("status"));
}

// Absent where Stripe has not booked it yet. One that can't be, being negative or above the payment, is left out: it is
// no reason to doubt the payment.
bursar::Money fee_of(const Object& intent, const bursar::Money& processed) {
  if (!intent.is_object("latest_charge")) return {};
  const Object charge = intent.object("latest_charge");
  if (!charge.is_object("balance_transaction")) return {};
  const Object transaction = charge.object("balance_transaction");
  bursar::Money fee = from_stripe(transaction.integer("fee"), transaction.text("currency"));
  const bool above = fee.currency == processed.currency && fee.minor > processed.minor;
  return fee.minor < 0 || above ? bursar::Money{} : fee;
}

// A setup moves no money: it only ends with a method.
Payment payment_of_setup(const Object& intent, const std::string& reference) {
  const std::string status = intent.text("status");
  if (status == "succeeded") {
    Payment saved = Payment::succeeded(reference);
    saved.method = method_of(intent.object("payment_method"), intent.id_of("customer"));
    return saved;
  }
  if (status == "processing") return Payment::pending(reference);
  if (status == "requires_action") return waiting_for_action(intent, reference);
  return declined_by_intent(intent, "last_setup_error");
}

Payment open_page(const Object& session) {
  Payment payment = Payment::requires_action(
      session.text("id"), {.type = "redirect", .url = session.text("url"), .text = "Continue at Stripe."});
  payment.expires_at = seconds(session.integer("expires_at"));
  return payment;
}

}  // namespace

std::string metadata(const Object& object, std::string_view name) {
  const std::optional<Object> all = object.optional_object("metadata");
  return all ? all->optional_text(name) : std::string();
}

Token Token::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {{}, std::string(text)};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

bursar::Method method_of(const Object& object, const std::string& customer) {
  bursar::Method method{.token = Token{customer, object.text("id")}.text(), .type = object.text("type"), .label = {}};
  const std::optional<Object> details = object.optional_object(method.type);
  const std::string last4 = details ? details->optional_text("last4") : std::string();
  if (method.type == "card" && details) {
    method.label = brand_name(details->optional_text("brand"));
    method.expiry_year = static_cast<int>(details->integer("exp_year"));
    method.expiry_month = static_cast<int>(details->integer("exp_month"));
  } else {
    method.label = method.type;
    for (char& c : method.label) {
      if (c == '_') c = ' ';
    }
  }
  if (!last4.empty()) method.label += " ending " + last4;
  return method;
}

Payment declined_by(std::string_view code, std::string_view decline_code, std::string_view advice_code,
                    std::string_view message) {
  const Decline decline = decline_of(code, decline_code, advice_code);
  std::string text(decline_code.empty() ? code : decline_code);
  if (!message.empty()) text.append(text.empty() ? "" : ": ").append(message);
  const bool final = decline.refusal == Refusal::final;
  return Payment::declined(final ? bursar::Decline::final : bursar::Decline::soft, std::string(decline.code),
                           std::move(text));
}

bool is_dead(const Object& intent) {
  const std::string status = intent.text("status");
  return status == "requires_payment_method" || status == "requires_confirmation" || status == "canceled";
}

Payment payment_of_intent(const Object& intent, std::string_view id) {
  check_owner(metadata(intent, meta_payment), id, "PaymentIntent");
  const std::string status = intent.text("status");
  const std::string reference = intent.text("id");
  if (status == "succeeded") {
    Payment payment = Payment::succeeded(reference);
    payment.processed = from_stripe(intent.integer("amount_received"), intent.text("currency"));
    payment.fee = fee_of(intent, payment.processed);
    // Only what the customer agreed to keep.
    if (intent.optional_text("setup_future_usage") == "off_session" && intent.is_object("payment_method"))
      payment.method = method_of(intent.object("payment_method"), intent.id_of("customer"));
    return payment;
  }
  if (status == "processing" || status == "requires_capture") return Payment::pending(reference);
  if (status == "requires_action") return waiting_for_action(intent, reference);
  if (is_dead(intent)) return declined_by_intent(intent, "last_payment_error");
  intent.fault("status", "is none that Stripe describes");
}

void expand_intent(Form& form, const std::string& below) {
  form.add({"expand", ""}, below + "latest_charge.balance_transaction");
  form.add({"expand", ""}, below + "payment_method");
}

Payment payment_of_session(const Object& session, std::string_view id) {
  check_owner(session.optional_text("client_reference_id"), id, "Checkout page");
  const bool setup = session.text("mode") == "setup";
  const std::string status = session.text("status");
  const char* const field = setup ? "setup_intent" : "payment_intent";
  const std::optional<Object> intent = session.is_object(field) ? session.optional_object(field) : std::nullopt;
  // A page in mode payment makes its intent when the customer pays; until then trying again on the page is free.
  const bool ended = intent && !is_dead(*intent) && intent->text("status") != "requires_action";
  if (status == "complete" || ended) {
    if (!intent) session.fault(field, "is missing though the page is complete");
    return setup ? payment_of_setup(*intent, session.text("id")) : payment_of_intent(*intent, id);
  }
  if (status == "open") return open_page(session);
  if (status != "expired") session.fault("status", "is none that Stripe describes");
  return Payment::declined(bursar::Decline::soft, "other", "the Checkout page expired before the customer was done");
}

void expand_session(Form& form) {
  expand_intent(form, "payment_intent.");
  form.add({"expand", ""}, "setup_intent.payment_method");
}

Payment payment_of_refund(const Object& refund) {
  const std::string status = refund.text("status");
  const std::string reference = refund.text("id");
  if (status == "succeeded") {
    Payment payment = Payment::succeeded(reference);
    payment.processed = from_stripe(refund.integer("amount"), refund.text("currency"));
    return payment;
  }
  // requires_action: Stripe asks the customer by mail where the money should go.
  if (status == "pending" || status == "requires_action") return Payment::pending(reference);
  if (status != "failed" && status != "canceled") refund.fault("status", "is none that Stripe describes");
  const std::string reason = refund.optional_text("failure_reason");
  Payment payment = Payment::declined(bursar::Decline::final, "other",
                                      "the refund " + status + (reason.empty() ? std::string() : ": " + reason));
  payment.reference = reference;
  return payment;
}

}  // namespace stripe
