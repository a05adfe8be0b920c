/* bursar.panel/1: where services run.
 *
 * The kernel keeps what should be (the desired state of a service) and what was last seen; the plugin makes it so.
 * Every operation may be repeated: create of a service id that is there already adopts it and answers done with its
 * reference, suspend of a suspended and terminate of an absent account are done. An account that carries another
 * service's id is never adopted: refused.
 *
 * Work by hand. A panel without a machine behind it answers pending with a `staff_task`: what a person has to do. The
 * kernel alone keeps that task: it opens it, shows it, and when staff close it the kernel itself settles the operation
 * as done. The plugin is not told, keeps no copy of the task and has no say; `inspect` of such a panel answers pending,
 * which means "ask the task list, not me", and the kernel does not poll it. A second call for the same idempotency key
 * is the same task. */
#ifndef BURSAR_ABI_PANEL_H
#define BURSAR_ABI_PANEL_H

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BURSAR_PANEL_ID "bursar.panel/1"

typedef int32_t bursar_panel_outcome;
#define BURSAR_PANEL_UNKNOWN 0 /* may or may not have been done; the kernel asks inspect */
#define BURSAR_PANEL_DONE 1
#define BURSAR_PANEL_PENDING 2       /* accepted; ask inspect later, or the staff task decides */
#define BURSAR_PANEL_REFUSED 3       /* the panel says no, and will again; a person must look */
#define BURSAR_PANEL_NOT_ATTEMPTED 4 /* certain that nothing was done: the kernel tries again later */

typedef int32_t bursar_panel_state;
#define BURSAR_PANEL_STATE_UNKNOWN 0
#define BURSAR_PANEL_STATE_ABSENT 1
#define BURSAR_PANEL_STATE_ACTIVE 2
#define BURSAR_PANEL_STATE_SUSPENDED 3

/* One metered quantity. Frozen. */
typedef struct bursar_usage {
  bursar_str name; /* "disk", "traffic" */
  bursar_str unit; /* "bytes", "count", "seconds" */
  int64_t used;
  int64_t limit; /* 0: none told */
} bursar_usage;

typedef struct bursar_panel_request {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str
      service_id; /* ours, opaque; to be stored at the panel, so that create and inspect find the account again */
  bursar_str account_id;
  bursar_str customer_name;
  bursar_str customer_email;
  bursar_str product_code;
  bursar_str label;                 /* the customer's name for it, often a domain or host name */
  bursar_str options;               /* the product's panel options: a JSON object, or empty */
  bursar_str reference;             /* the panel's id of the account; empty before create */
  bursar_str username;              /* the account's, if create told one */
  bursar_str password;              /* change_password only: the new one. A secret */
  bursar_str previous_product_code; /* change_plan only */
  bursar_str reason;                /* suspend: "overdue", "staff", ...; shown by panels that show one */
} bursar_panel_request;

typedef struct bursar_panel_result {
  uint32_t struct_size;
  bursar_panel_outcome outcome;
  bursar_panel_state state; /* inspect: what exists there now */
  uint32_t reserved;
  bursar_str reference;      /* the panel's id of the account, unique within the instance */
  bursar_str staff_task;     /* pending by hand: what a person has to do, in plain sentences */
  bursar_str username;       /* create */
  bursar_str password;       /* create, if the panel chose it: shown once, kept encrypted. A secret */
  bursar_str url;            /* sign_on: where to send the customer's browser now. A secret, short-lived */
  bursar_time expires_at;    /* sign_on: of the url */
  int64_t poll_after_ms;     /* pending: not before this should inspect be asked; 0: the host's own schedule */
  bursar_pairs details;      /* labelled values for the customer: "IPv4", "Name server 1" */
  const bursar_usage* usage; /* usage, inspect */
  uint64_t usage_count;
} bursar_panel_result;

/* The table. A null function is an unsupported operation; create and inspect must be there. */
typedef struct bursar_panel_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t capabilities; /* none yet: 0 */

  /* [worker] All of them. */
  bursar_status (*create)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  bursar_status (*suspend)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  bursar_status (*unsuspend)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  bursar_status (*terminate)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  /* From previous_product_code to product_code, with the new options. */
  bursar_status (*change_plan)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  bursar_status (*change_password)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  /* How much of what was used. Changes nothing. */
  bursar_status (*usage)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  /* A fresh address that signs the customer in. */
  bursar_status (*sign_on)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  /* What exists there now: outcome done with `state` and `reference`, or unknown. Changes nothing. */
  bursar_status (*inspect)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);
  /* Can the panel be reached with these settings? BURSAR_OK, or diagnostics that say what is wrong. Changes nothing. */
  bursar_status (*test_connection)(bursar_plugin*, bursar_call*);
} bursar_panel_v1;

#ifdef __cplusplus
}
#endif

#endif
