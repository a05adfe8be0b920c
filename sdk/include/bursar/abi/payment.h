/* bursar.payment/1: a way to be paid.
 *
 * The kernel writes a payment down before it calls, and the outcome after. Between the two anything may happen, so:
 *  - The status of a function says whether the call worked; `outcome` says what happened to the money. Any status but
 * BURSAR_OK, a missed deadline, a crash, a lost process or an answer that breaks a rule below is recorded as unknown,
 * and the reconciler asks `lookup` until it knows. There is no other retry before that. Only an explicit not_attempted
 * allows the same charge to be tried again plainly.
 *  - The same idempotency key never moves money twice: the key goes to the provider, and `payment_id` is stored there,
 * so that `lookup` finds the payment even when no answer ever came back.
 *  - Card numbers never cross. A gateway receives tokens, and answers with a redirect or a hosted field.
 *
 * An answer must keep these rules, or the host makes it unknown and logs the plugin as misbehaving: text is UTF-8;
 * succeeded and authorized carry a gateway_reference; `processed` is positive, in the currency that was asked, and
 * missing only where nothing was processed; declined never carries `processed`; a `fee` in the same currency is not
 * above `processed`.
 *
 * Saving a method without a payment (`setup`) moves no money, so its answers, and those of a lookup of it, keep other
 * rules: succeeded carries `method.token`; `processed` and `fee` are absent; authorized is no answer. */
#ifndef BURSAR_ABI_PAYMENT_H
#define BURSAR_ABI_PAYMENT_H

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BURSAR_PAYMENT_ID "bursar.payment/1"

typedef int32_t bursar_payment_outcome;
#define BURSAR_PAYMENT_UNKNOWN 0   /* may or may not have happened */
#define BURSAR_PAYMENT_SUCCEEDED 1 /* the money is ours (refund: is on its way back) */
#define BURSAR_PAYMENT_DECLINED 2  /* the provider's own final no to this attempt */
#define BURSAR_PAYMENT_PENDING 3   /* begun; the provider, or staff, will tell later (see poll_after_ms) */
#define BURSAR_PAYMENT_NOT_ATTEMPTED \
  4 /* certain that the provider did nothing; from lookup: it has never heard of it */
#define BURSAR_PAYMENT_REQUIRES_ACTION 5 /* the customer must do what `action` says */
#define BURSAR_PAYMENT_AUTHORIZED 6 /* reserved, to be captured; only where BURSAR_CHARGE_AUTHORIZE_ONLY was asked */

/* May a declined charge help when tried again some days later? */
typedef int32_t bursar_decline_class;
#define BURSAR_DECLINE_UNKNOWN 0 /* read as soft */
#define BURSAR_DECLINE_SOFT 1    /* insufficient funds, issuer unavailable, limit reached */
#define BURSAR_DECLINE_FINAL 2   /* this method will never work: stolen, closed, revoked */

/* What the customer has to do. Frozen. */
typedef struct bursar_action {
  bursar_str type; /* "redirect" (url), "form" (url + fields, POST), "qr" (text is the content), "address" (text),
                      "instructions" (text); empty: none */
  bursar_str url;
  bursar_str text; /* plain text for people, lines ended by \n; for qr and address the content itself */
  bursar_pairs
      fields; /* form: what to post; otherwise labelled values that a page may show one by one ("IBAN", "Reference") */
} bursar_action;

/* A method that may be charged later. Never the number. Frozen. */
typedef struct bursar_method {
  bursar_str token;    /* what `charge` gets as method_token; empty: none */
  bursar_str type;     /* "card", "sepa_debit", ... */
  bursar_str label;    /* "Visa ending 4242" */
  int32_t expiry_year; /* 2031; 0: does not expire */
  int32_t expiry_month;
} bursar_method;

/* With pending, from lookup or a webhook: the customer has done their part, and nothing more happens by itself. The
 * host calls `complete`, which takes the money. */
#define BURSAR_PAYMENT_READY 1u

typedef struct bursar_payment_result {
  uint32_t struct_size;
  bursar_payment_outcome outcome;
  bursar_money
      processed;    /* really taken, reserved or given back; may be less or more than asked. Absent: what was asked */
  bursar_money fee; /* the provider's, if it told; in whatever currency it counts */
  bursar_str gateway_reference; /* the provider's id of this transaction, unique within the instance */
  bursar_action action;
  bursar_time expires_at; /* when the action or the pending payment lapses by itself */
  int64_t poll_after_ms;  /* pending: not before this should lookup be asked; 0: the host's own schedule */
  bursar_decline_class decline_class;
  uint32_t flags;           /* BURSAR_PAYMENT_READY */
  bursar_str decline_code;  /* one of: insufficient_funds, expired, stolen_or_lost, wrong_details, limit_reached,
                               suspected_fraud,  method_revoked, currency_unsupported, amount_out_of_range,
                               authentication_failed, issuer_unavailable, other */
  bursar_str decline_text;  /* the provider's own words, for staff */
  bursar_method method;     /* begin, setup, lookup, webhook: a method the customer agreed to keep */
  bursar_quantity quantity; /* what moved on a chain, where that is not the invoice's currency */
} bursar_payment_result;

#define BURSAR_CHARGE_AUTHORIZE_ONLY 1u /* reserve, capture later; only with BURSAR_PAYMENT_CAN_AUTHORIZE */
#define BURSAR_CHARGE_SAVE_METHOD 2u    /* begin: the customer agreed to have the method kept for later charges */

/* For begin and charge. */
typedef struct bursar_charge {
  uint32_t struct_size;
  uint32_t flags;
  bursar_str payment_id; /* ours, opaque; unique across instances. To be stored at the provider (metadata, order id) */
  bursar_str account_id;
  bursar_str invoice_number; /* of the first invoice it pays; empty for a deposit */
  bursar_str description;    /* for the customer's statement or the payment page */
  bursar_money amount;       /* positive; within the table's limits and currencies */
  bursar_str method_token;   /* charge: what to charge. begin: empty */
  bursar_str return_url;     /* begin: where the customer's browser goes afterwards. Coming back proves nothing */
  bursar_str cancel_url;
  bursar_str webhook_url; /* where this instance's webhooks arrive */
  bursar_str customer_name;
  bursar_str customer_email;
  bursar_str customer_country; /* ISO 3166-1 alpha-2 */
  bursar_str locale;           /* BCP 47 */
  bursar_strs invoice_ids; /* ours, opaque: of each invoice it pays, in their order, also those without a number yet;
                              none for money that is for no invoice */
} bursar_charge;

/* For capture, void and complete. */
typedef struct bursar_capture {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str payment_id;
  bursar_str gateway_reference; /* of the authorization; complete: the last that an answer brought */
  bursar_money amount; /* capture: how much, at most what was authorized. void: all of it. complete: what was asked */
} bursar_capture;

typedef struct bursar_refund {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str refund_id; /* ours; to be stored at the provider, so that lookup finds it */
  bursar_str payment_id;
  bursar_str gateway_reference; /* of the payment */
  bursar_money amount;          /* positive, at most what is left of `captured` */
  bursar_money captured;        /* what the payment brought in */
  bursar_str reason;            /* free text, may be empty */
} bursar_refund;

/* Begins to save a method without a payment, the customer is present. Nothing is charged; a provider that must prove
 * the method with a small reservation lets go of it by itself. */
typedef struct bursar_setup {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str
      setup_id; /* ours, opaque; unique across instances. To be stored at the provider, so that lookup finds it */
  bursar_str account_id; /* whose method it will be */
  bursar_str currency;   /* ISO 4217: what it will be charged in, as far as is known; empty: any */
  bursar_str return_url; /* where the customer's browser goes afterwards. Coming back proves nothing */
  bursar_str cancel_url;
  bursar_str webhook_url; /* where this instance's webhooks arrive */
  bursar_str customer_name;
  bursar_str customer_email;
  bursar_str customer_country; /* ISO 3166-1 alpha-2 */
  bursar_str locale;           /* BCP 47 */
} bursar_setup;

typedef int32_t bursar_lookup_kind;
#define BURSAR_LOOKUP_ANY 0 /* `id` names a payment or a refund: look for both */
#define BURSAR_LOOKUP_PAYMENT 1
#define BURSAR_LOOKUP_REFUND 2
#define BURSAR_LOOKUP_SETUP 3 /* only where `setup` is offered */

typedef struct bursar_lookup {
  uint32_t struct_size;
  bursar_lookup_kind kind;
  bursar_str id;                /* the payment_id, refund_id or setup_id the operation was called with */
  bursar_str gateway_reference; /* if an answer ever brought one; for a refund the refund's own */
  bursar_money asked;           /* the amount the operation was called with; absent for a setup */
} bursar_lookup;

typedef struct bursar_detach {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str account_id;
  bursar_str method_token;
} bursar_detach;

#define BURSAR_PAYMENT_CAN_STORE_METHODS \
  1u /* begin can save a method, charge can charge it while the customer is away */
#define BURSAR_PAYMENT_CAN_REFUND_PARTLY 2u /* refund takes less than the whole, and more than once */
#define BURSAR_PAYMENT_CAN_AUTHORIZE 4u     /* BURSAR_CHARGE_AUTHORIZE_ONLY, capture, void */
#define BURSAR_PAYMENT_CAN_CAPTURE_PARTLY 8u
#define BURSAR_PAYMENT_STAFF_CONFIRMS \
  16u                             /* money arrives outside; staff say when. The kernel never polls such a payment */
#define BURSAR_PAYMENT_CRYPTO 32u /* settles on a chain: amounts may arrive late, short or over */

/* Amounts a currency may have: at least minimum, at most maximum (either 0: no limit). Frozen. */
typedef struct bursar_limit {
  bursar_money minimum;
  bursar_money maximum;
} bursar_limit;

/* The table. The data in it may depend on the settings; it does not change between open and close. A null function is
 * an unsupported operation; begin or charge must be there. */
typedef struct bursar_payment_v1 {
  uint32_t struct_size;
  uint32_t concurrency;    /* how many calls side by side the provider takes well, where the configuration does not say;
                              only of a concurrent plugin. 0: no opinion */
  uint64_t capabilities;   /* BURSAR_PAYMENT_CAN_... */
  bursar_str display_name; /* what customers read: "Bank transfer". Empty: the descriptor's name */
  bursar_strs currencies;  /* ISO 4217; none: all. Another currency is refused by the host before any call */
  const bursar_limit* limits;
  uint64_t limits_count;

  /* [worker] The customer is present: answers requires_action mostly, pending for a transfer. */
  bursar_status (*begin)(bursar_plugin*, bursar_call*, const bursar_charge*, bursar_payment_result*);
  /* [worker] Charges a kept method, the customer is away. */
  bursar_status (*charge)(bursar_plugin*, bursar_call*, const bursar_charge*, bursar_payment_result*);
  /* [worker] Takes what was authorized. */
  bursar_status (*capture)(bursar_plugin*, bursar_call*, const bursar_capture*, bursar_payment_result*);
  /* [worker] Lets go of an authorization, or of a pending payment. succeeded: nothing will be taken any more. */
  bursar_status (*void_payment)(bursar_plugin*, bursar_call*, const bursar_capture*, bursar_payment_result*);
  /* [worker] `processed` is what goes back. */
  bursar_status (*refund)(bursar_plugin*, bursar_call*, const bursar_refund*, bursar_payment_result*);
  /* [worker] What the provider knows of it now. Changes nothing. not_attempted only if the provider certainly never had
   * it, and never will. */
  bursar_status (*lookup)(bursar_plugin*, bursar_call*, const bursar_lookup*, bursar_payment_result*);
  /* [worker] Forgets a kept method at the provider. BURSAR_OK also when it was gone. */
  bursar_status (*detach_method)(bursar_plugin*, bursar_call*, const bursar_detach*);
  /* [worker] Begins to save a method, without a payment: answers requires_action mostly; succeeded with the method
   * where nothing is left to do; pending while the provider still verifies it. declined: the provider refuses the
   * method. */
  bursar_status (*setup)(bursar_plugin*, bursar_call*, const bursar_setup*, bursar_payment_result*);
  /* [worker] For providers where the customer only approves and the merchant then takes: takes the money of a payment
   * that is BURSAR_PAYMENT_READY. An effect of its own, with its own key, recorded before it is tried.
   *  - Answers as charge does, with one exception: requires_action means that the customer must approve anew (another
   *    card), after which the payment is ready again and the next complete is a new operation with a new key.
   *  - not_attempted: nothing was taken by this call, and the payment is as ready as it was.
   *  - After an unknown outcome lookup decides. READY again: it was not taken, and the same complete, with the same
   * key, may be tried again. */
  bursar_status (*complete)(bursar_plugin*, bursar_call*, const bursar_capture*, bursar_payment_result*);
} bursar_payment_v1;

#ifdef __cplusplus
}
#endif

#endif
