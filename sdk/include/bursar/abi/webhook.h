/* bursar.webhook/1: what providers send in.
 *
 * The kernel stores the raw request before it calls, removes duplicates by event id, and alone posts to the ledger. The
 * plugin's part is to tell whether the request is genuine and what it says. The same request may come twice, late, or
 * in another order. */
#ifndef BURSAR_ABI_WEBHOOK_H
#define BURSAR_ABI_WEBHOOK_H

#include "call.h"
#include "panel.h"
#include "payment.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BURSAR_WEBHOOK_ID "bursar.webhook/1"

/* Exactly as it arrived. */
typedef struct bursar_webhook_request {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str method;    /* "POST" */
  bursar_str path;      /* below the instance's own address: "" or "/ipn" */
  bursar_str query;     /* without the question mark, not decoded */
  bursar_pairs headers; /* names in lower case, in order, duplicates kept */
  bursar_str body;      /* bytes */
  bursar_str remote_address;
  bursar_time
      received_at; /* check signatures' ages against this, not against now: the request may be processed later */
} bursar_webhook_request;

typedef int32_t bursar_webhook_verdict;
#define BURSAR_WEBHOOK_UNKNOWN \
  0 /* could not be told now (a certificate to fetch failed): the kernel answers 503 and tries again */
#define BURSAR_WEBHOOK_GENUINE 1  /* verified; `events` hold what it says, maybe nothing of interest */
#define BURSAR_WEBHOOK_REJECTED 2 /* not genuine; no event is read, whatever is there */

typedef int32_t bursar_event_kind;
#define BURSAR_EVENT_UNKNOWN 0        /* recorded, otherwise ignored */
#define BURSAR_EVENT_PAYMENT 1        /* a payment changed: `payment` says to what, or is null: ask lookup */
#define BURSAR_EVENT_REFUND 2         /* the same of a refund */
#define BURSAR_EVENT_DISPUTE_OPENED 3 /* the bank wants it back; dispute_... says what was taken */
#define BURSAR_EVENT_DISPUTE_WON 4    /* all that was taken is back */
#define BURSAR_EVENT_DISPUTE_LOST 5   /* dispute_amount stays taken, what was taken beyond it is back */
#define BURSAR_EVENT_METHOD_CHANGED                                                                           \
  6                            /* `payment->method` was renewed, or its token is gone when the label is empty \
                                */
#define BURSAR_EVENT_SERVICE 7 /* an account at a panel changed: `panel` says to what, or is null: ask inspect */
#define BURSAR_EVENT_METHOD_SAVED                                                  \
  8 /* a setup ended: `payment` says how, by the rules of `setup`, or is null: ask \
       lookup. `setup_id` names it */

typedef struct bursar_event {
  uint32_t struct_size;
  bursar_event_kind kind;
  bursar_str event_id; /* the provider's, unique within the instance; two requests with the same id are one event */
  bursar_time occurred_at;
  bursar_str payment_id; /* ours, read from what we stored at the provider; empty: not ours or not told */
  bursar_str refund_id;
  bursar_str service_id;
  bursar_str gateway_reference;         /* the provider's id of the transaction it is about */
  const bursar_payment_result* payment; /* null where it does not apply; the rules of payment.h hold */
  const bursar_panel_result* panel;
  bursar_str setup_id; /* ours; METHOD_SAVED */

  /* DISPUTE_...; payment_id or gateway_reference names the payment. */
  bursar_str dispute_id;       /* the provider's; the same from opened to its end. Empty: the provider names none:
                                  the kernel takes the one of this payment that is open, or that was lost with this
                                  amount, else a new one */
  bursar_money dispute_amount; /* OPENED: what was taken; LOST: what stays taken; WON: what is back. In the payment's
                                  currency. Absent: OPENED and WON of a dispute the kernel does not know: nothing
                                  moved (an inquiry); else what was told before */
  bursar_money dispute_fee;    /* what the provider keeps for this dispute beside the amount, in all and as things
                                  stand with this event, in whatever currency it counts: 15.00 when it was taken, 0.00
                                  when it came back. Absent: nothing is told, what was told before stands */
  bursar_str dispute_reason;   /* the provider's own word: "fraudulent" */
  bursar_time dispute_evidence_by; /* until when an answer is accepted; 0: not told */
} bursar_event;

typedef struct bursar_webhook_result {
  uint32_t struct_size;
  bursar_webhook_verdict verdict;
  int32_t http_status; /* 0: 200 when genuine, 400 when rejected, 503 when unknown */
  uint32_t event_size; /* bytes from one event to the next */
  bursar_pairs http_headers;
  bursar_str http_body;
  const bursar_event* events;
  uint64_t events_count; /* at most 1000 */
} bursar_webhook_result;

typedef struct bursar_webhook_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [worker] Changes nothing in the plugin: it may be called again for the same request, for instance after a restart.
   */
  bursar_status (*receive)(bursar_plugin*, bursar_call*, const bursar_webhook_request*, bursar_webhook_result*);
} bursar_webhook_v1;

#ifdef __cplusplus
}
#endif

#endif
