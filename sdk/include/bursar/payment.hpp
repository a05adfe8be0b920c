// bursar.payment/1 for plugin authors. The rules of money are in abi/payment.h; read them once.
//
// A class offers an operation by having its method, with these signatures (each may throw):
//   Payment begin(Call&, const Charge&)            Payment charge(Call&, const Charge&)
//   Payment capture(Call&, const Capture&)         Payment void_payment(Call&, const Capture&)
//   Payment refund(Call&, const Refund&)           Payment lookup(Call&, const Lookup&)
//   Payment setup(Call&, const MethodSetup&)       void detach_method(Call&, const Detach&)
//   Payment complete(Call&, const Capture&)
//   PaymentOptions payment_options() const
#pragma once

#include "abi/payment.h"
#include "settings.hpp"

BURSAR_SDK_BEGIN

struct Charge {
  std::string_view payment_id, account_id, invoice_number, description;
  Money amount;
  std::string_view method_token, return_url, cancel_url, webhook_url;
  std::string_view customer_name, customer_email, customer_country, locale;
  bool authorize_only = false;
  bool save_method = false;
  std::vector<std::string> invoice_ids{};
};

struct Capture {
  std::string_view payment_id, gateway_reference;
  Money amount;
};

struct Refund {
  std::string_view refund_id, payment_id, gateway_reference;
  Money amount, captured;
  std::string_view reason;
};

// Saving a method without a payment.
struct MethodSetup {
  std::string_view setup_id, account_id, currency;
  std::string_view return_url, cancel_url, webhook_url;
  std::string_view customer_name, customer_email, customer_country, locale;
};

enum class LookupKind : bursar_lookup_kind {
  any = BURSAR_LOOKUP_ANY,
  payment = BURSAR_LOOKUP_PAYMENT,
  refund = BURSAR_LOOKUP_REFUND,
  setup = BURSAR_LOOKUP_SETUP
};

struct Lookup {
  LookupKind kind = LookupKind::any;
  std::string_view id, gateway_reference;
  Money asked;
};

struct Detach {
  std::string_view account_id, method_token;
};

struct Action {
  std::string type{};  // "redirect", "form", "qr", "address", "instructions"
  std::string url{};
  std::string text{};
  Pairs fields{};
};

struct Method {
  std::string token{}, type{}, label{};
  int expiry_year = 0, expiry_month = 0;
};

enum class PaymentOutcome : bursar_payment_outcome {
  unknown = BURSAR_PAYMENT_UNKNOWN,
  succeeded = BURSAR_PAYMENT_SUCCEEDED,
  declined = BURSAR_PAYMENT_DECLINED,
  pending = BURSAR_PAYMENT_PENDING,
  not_attempted = BURSAR_PAYMENT_NOT_ATTEMPTED,
  requires_action = BURSAR_PAYMENT_REQUIRES_ACTION,
  authorized = BURSAR_PAYMENT_AUTHORIZED,
};

enum class Decline : bursar_decline_class {
  unknown = BURSAR_DECLINE_UNKNOWN,
  soft = BURSAR_DECLINE_SOFT,
  final = BURSAR_DECLINE_FINAL
};

// What happened to the money. Made by one of the named functions, then refined field by field.
struct Payment {
  PaymentOutcome outcome = PaymentOutcome::unknown;
  Money processed{};  // absent: what was asked
  Money fee{};
  std::string reference{};
  Action action{};
  std::optional<Time> expires_at{};
  Milliseconds poll_after{0};
  Decline decline_class = Decline::unknown;
  std::string decline_code{};
  std::string decline_text{};
  Method method{};
  bool ready = false;  // pending: the customer has approved, `complete` takes the money

  static Payment succeeded(std::string reference) { return make(PaymentOutcome::succeeded, std::move(reference)); }
  static Payment authorized(std::string reference) { return make(PaymentOutcome::authorized, std::move(reference)); }
  static Payment pending(std::string reference, Milliseconds poll_after = Milliseconds(0)) {
    Payment out = make(PaymentOutcome::pending, std::move(reference));
    out.poll_after = poll_after;
    return out;
  }
  // The customer has approved; the host calls `complete`.
  static Payment ready_to_complete(std::string reference) {
    Payment out = make(PaymentOutcome::pending, std::move(reference));
    out.ready = true;
    return out;
  }
  static Payment requires_action(std::string reference, Action action) {
    Payment out = make(PaymentOutcome::requires_action, std::move(reference));
    out.action = std::move(action);
    return out;
  }
  // `code` is one of those listed beside bursar_payment_result::decline_code.
  static Payment declined(Decline decline, std::string code, std::string text) {
    Payment out = make(PaymentOutcome::declined, {});
    out.decline_class = decline;
    out.decline_code = std::move(code);
    out.decline_text = std::move(text);
    return out;
  }
  // From setup, its lookup and its webhook: no money moved, the method is there.
  static Payment saved(Method method, std::string reference = {}) {
    Payment out = make(PaymentOutcome::succeeded, std::move(reference));
    out.method = std::move(method);
    return out;
  }
  static Payment not_attempted() { return make(PaymentOutcome::not_attempted, {}); }
  static Payment unknown() { return {}; }

 private:
  static Payment make(PaymentOutcome outcome, std::string reference) {
    Payment out;
    out.outcome = outcome;
    out.reference = std::move(reference);
    return out;
  }
};

struct Limit {
  Money minimum, maximum;
};

struct PaymentOptions {
  std::uint64_t capabilities = 0;  // BURSAR_PAYMENT_CAN_..., BURSAR_PAYMENT_STAFF_CONFIRMS
  std::string display_name{};
  std::vector<std::string> currencies{};  // empty: all
  std::vector<Limit> limits{};
  std::uint32_t concurrency = 0;  // calls side by side that the provider takes well; 0: no opinion
};

namespace detail {

inline Charge read(const bursar_charge& in) {
  const bursar_charge* c = &in;
  const std::uint32_t flags = BURSAR_READ(c, flags);
  return {.payment_id = BURSAR_READ(c, payment_id),
          .account_id = BURSAR_READ(c, account_id),
          .invoice_number = BURSAR_READ(c, invoice_number),
          .description = BURSAR_READ(c, description),
          .amount = BURSAR_READ(c, amount),
          .method_token = BURSAR_READ(c, method_token),
          .return_url = BURSAR_READ(c, return_url),
          .cancel_url = BURSAR_READ(c, cancel_url),
          .webhook_url = BURSAR_READ(c, webhook_url),
          .customer_name = BURSAR_READ(c, customer_name),
          .customer_email = BURSAR_READ(c, customer_email),
          .customer_country = BURSAR_READ(c, customer_country),
          .locale = BURSAR_READ(c, locale),
          .authorize_only = (flags & BURSAR_CHARGE_AUTHORIZE_ONLY) != 0,
          .save_method = (flags & BURSAR_CHARGE_SAVE_METHOD) != 0,
          .invoice_ids = BURSAR_READ(c, invoice_ids)};
}
inline MethodSetup read(const bursar_setup& in) {
  const bursar_setup* s = &in;
  return {.setup_id = BURSAR_READ(s, setup_id),
          .account_id = BURSAR_READ(s, account_id),
          .currency = BURSAR_READ(s, currency),
          .return_url = BURSAR_READ(s, return_url),
          .cancel_url = BURSAR_READ(s, cancel_url),
          .webhook_url = BURSAR_READ(s, webhook_url),
          .customer_name = BURSAR_READ(s, customer_name),
          .customer_email = BURSAR_READ(s, customer_email),
          .customer_country = BURSAR_READ(s, customer_country),
          .locale = BURSAR_READ(s, locale)};
}
inline Capture read(const bursar_capture& in) {
  const bursar_capture* c = &in;
  return {BURSAR_READ(c, payment_id), BURSAR_READ(c, gateway_reference), BURSAR_READ(c, amount)};
}
inline Refund read(const bursar_refund& in) {
  const bursar_refund* r = &in;
  return {BURSAR_READ(r, refund_id), BURSAR_READ(r, payment_id), BURSAR_READ(r, gateway_reference),
          BURSAR_READ(r, amount),    BURSAR_READ(r, captured),   BURSAR_READ(r, reason)};
}
inline Lookup read(const bursar_lookup& in) {
  const bursar_lookup* l = &in;
  return {static_cast<LookupKind>(BURSAR_READ(l, kind)), BURSAR_READ(l, id), BURSAR_READ(l, gateway_reference),
          BURSAR_READ(l, asked)};
}
inline Detach read(const bursar_detach& in) {
  const bursar_detach* d = &in;
  return {BURSAR_READ(d, account_id), BURSAR_READ(d, method_token)};
}

// The outcome goes in last: a failure on the way leaves it unknown.
inline void write(Call& call, const Payment& in, bursar_payment_result* out) {
  BURSAR_WRITE(out, processed, to_abi(in.processed));
  BURSAR_WRITE(out, fee, to_abi(in.fee));
  BURSAR_WRITE(out, gateway_reference, call.keep(in.reference));
  BURSAR_WRITE(out, action,
               (bursar_action{call.keep(in.action.type), call.keep(in.action.url), call.keep(in.action.text),
                              call.keep(in.action.fields)}));
  BURSAR_WRITE(out, expires_at, to_abi(in.expires_at));
  BURSAR_WRITE(out, poll_after_ms, in.poll_after.count());
  BURSAR_WRITE(out, decline_class, static_cast<bursar_decline_class>(in.decline_class));
  BURSAR_WRITE(out, flags, in.ready ? BURSAR_PAYMENT_READY : 0u);
  BURSAR_WRITE(out, decline_code, call.keep(in.decline_code));
  BURSAR_WRITE(out, decline_text, call.keep(in.decline_text));
  BURSAR_WRITE(out, method,
               (bursar_method{call.keep(in.method.token), call.keep(in.method.type), call.keep(in.method.label),
                              in.method.expiry_year, in.method.expiry_month}));
  BURSAR_WRITE(out, outcome, static_cast<bursar_payment_outcome>(in.outcome));
}

template <class T>
concept HasBegin = requires(T& t, Call& c, const Charge& q) {
  { t.begin(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasCharge = requires(T& t, Call& c, const Charge& q) {
  { t.charge(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasCapture = requires(T& t, Call& c, const Capture& q) {
  { t.capture(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasVoid = requires(T& t, Call& c, const Capture& q) {
  { t.void_payment(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasComplete = requires(T& t, Call& c, const Capture& q) {
  { t.complete(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasRefund = requires(T& t, Call& c, const Refund& q) {
  { t.refund(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasPaymentLookup = requires(T& t, Call& c, const Lookup& q) {
  { t.lookup(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasDetach = requires(T& t, Call& c, const Detach& q) {
  t.detach_method(c, q);
};
template <class T>
concept HasSetup = requires(T& t, Call& c, const MethodSetup& q) {
  { t.setup(c, q) } -> std::same_as<Payment>;
};
template <class T>
concept HasPaymentOptions = requires(const T& t) {
  { t.payment_options() } -> std::same_as<PaymentOptions>;
};
template <class T>
concept OffersPayment = HasBegin<T> || HasCharge<T>;

// The table of one instance, and what its texts and arrays point to.
struct PaymentTable {
  PaymentOptions options;
  std::vector<bursar_str> currencies;
  std::vector<bursar_limit> limits;
  bursar_payment_v1 table{};

  // `self` maps a bursar_plugin* to the author's object.
  template <class T, T& (*self)(bursar_plugin*)>
  void fill(const T& plugin) {
    if constexpr (HasPaymentOptions<T>) options = plugin.payment_options();
    for (const std::string& currency : options.currencies) currencies.push_back(borrow(currency));
    for (const Limit& limit : options.limits) limits.push_back({to_abi(limit.minimum), to_abi(limit.maximum)});
    table.struct_size = sizeof table;
    table.capabilities = options.capabilities;
    table.display_name = borrow(options.display_name);
    table.currencies = {currencies.data(), currencies.size()};
    table.limits = limits.data();
    table.limits_count = limits.size();
    table.concurrency = options.concurrency;
    if constexpr (HasBegin<T>) {
      table.begin = [](bursar_plugin* p, bursar_call* c, const bursar_charge* q, bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::acts, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).begin(call, read(*q)), r); });
      };
    }
    if constexpr (HasCharge<T>) {
      table.charge = [](bursar_plugin* p, bursar_call* c, const bursar_charge* q, bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::acts, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).charge(call, read(*q)), r); });
      };
    }
    if constexpr (HasCapture<T>) {
      table.capture = [](bursar_plugin* p, bursar_call* c, const bursar_capture* q, bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::acts, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).capture(call, read(*q)), r); });
      };
    }
    if constexpr (HasVoid<T>) {
      table.void_payment = [](bursar_plugin* p, bursar_call* c, const bursar_capture* q,
                              bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::acts, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).void_payment(call, read(*q)), r); });
      };
    }
    if constexpr (HasRefund<T>) {
      table.refund = [](bursar_plugin* p, bursar_call* c, const bursar_refund* q, bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::acts, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).refund(call, read(*q)), r); });
      };
    }
    if constexpr (HasPaymentLookup<T>) {
      table.lookup = [](bursar_plugin* p, bursar_call* c, const bursar_lookup* q, bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::reads, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).lookup(call, read(*q)), r); });
      };
    }
    if constexpr (HasComplete<T>) {
      table.complete = [](bursar_plugin* p, bursar_call* c, const bursar_capture* q,
                          bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::acts, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).complete(call, read(*q)), r); });
      };
    }
    if constexpr (HasDetach<T>) {
      table.detach_method = [](bursar_plugin* p, bursar_call* c, const bursar_detach* q) noexcept {
        return guarded(c, [&] {
          Call call(c);
          self(p).detach_method(call, read(*q));
        });
      };
    }
    if constexpr (HasSetup<T>) {
      table.setup = [](bursar_plugin* p, bursar_call* c, const bursar_setup* q, bursar_payment_result* r) noexcept {
        return guarded_outcome(c, r, Effect::acts, BURSAR_PAYMENT_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).setup(call, read(*q)), r); });
      };
    }
  }
};

}  // namespace detail
BURSAR_SDK_END
