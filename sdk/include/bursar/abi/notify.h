/* bursar.notify/1: how people are told.
 *
 * The kernel renders the message, chooses who gets it and records the attempt before it calls. It calls again only
 * after not_attempted, so a channel needs no memory of its own; if its provider accepts an idempotency key, send the
 * call's. */
#ifndef BURSAR_ABI_NOTIFY_H
#define BURSAR_ABI_NOTIFY_H

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BURSAR_NOTIFY_ID "bursar.notify/1"

typedef int32_t bursar_delivery_outcome;
#define BURSAR_DELIVERY_UNKNOWN 0       /* may or may not have gone out; never sent again by itself */
#define BURSAR_DELIVERY_SENT 1          /* handed over; the next party took responsibility */
#define BURSAR_DELIVERY_REFUSED 2       /* can never be delivered as it is (no such recipient, too large) */
#define BURSAR_DELIVERY_NOT_ATTEMPTED 3 /* certain that nothing went out: the kernel tries again later */

/* Frozen. */
typedef struct bursar_attachment {
  bursar_str name;       /* "INV-2026-000123.pdf" */
  bursar_str media_type; /* "application/pdf" */
  bursar_str data;       /* bytes */
} bursar_attachment;

typedef struct bursar_message {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str message_id; /* ours, opaque; also the local part of a mail's Message-ID */
  bursar_str recipient;  /* in the channel's own form: an email address for mail, a number for SMS */
  bursar_str recipient_name;
  bursar_str template_name; /* "invoice_created" */
  bursar_str locale;        /* BCP 47 */
  bursar_str subject;       /* one line */
  bursar_str body;          /* plain text */
  bursar_str html;          /* the same in HTML, or empty */
  const bursar_attachment* attachments;
  uint64_t attachments_count;
} bursar_message;

typedef struct bursar_delivery {
  uint32_t struct_size;
  bursar_delivery_outcome outcome;
  bursar_str provider_id; /* the provider's id of the message, if it has one */
  int64_t retry_after_ms; /* not_attempted: not before this; 0: the host's own schedule */
} bursar_delivery;

typedef struct bursar_delivery_lookup {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str message_id;
  bursar_str provider_id;
} bursar_delivery_lookup;

typedef struct bursar_notify_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t capabilities; /* none yet: 0 */
  /* [worker] */
  bursar_status (*send)(bursar_plugin*, bursar_call*, const bursar_message*, bursar_delivery*);
  /* [worker] Optional: what became of a message. Changes nothing. */
  bursar_status (*lookup)(bursar_plugin*, bursar_call*, const bursar_delivery_lookup*, bursar_delivery*);
} bursar_notify_v1;

#ifdef __cplusplus
}
#endif

#endif
