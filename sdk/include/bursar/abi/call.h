/* A call: what surrounds every request the host makes to a plugin. One call, one thread, one request. */
#ifndef BURSAR_ABI_CALL_H
#define BURSAR_ABI_CALL_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t bursar_severity;
#define BURSAR_SEVERITY_UNKNOWN 0 /* read as an error */
#define BURSAR_SEVERITY_INFO 1
#define BURSAR_SEVERITY_WARNING 2
#define BURSAR_SEVERITY_ERROR 3

/* Whether trying the same again may help. It never overrides an outcome: a payment of unknown outcome is looked up, not
 * retried. */
typedef int32_t bursar_retry;
#define BURSAR_RETRY_UNKNOWN 0 /* read as later */
#define BURSAR_RETRY_NEVER 1
#define BURSAR_RETRY_LATER 2
#define BURSAR_RETRY_AFTER_FIX 3 /* a person must change something first: settings, the account at the provider */

typedef struct bursar_diagnostic {
  uint32_t struct_size;
  bursar_severity severity;
  bursar_retry retry;
  uint32_t reserved;
  bursar_str code;    /* stable, lower case with underscores: "bad_credentials" */
  bursar_str message; /* one sentence for staff, without secrets */
  bursar_str where;   /* the settings key or request field it is about, or empty */
} bursar_diagnostic;

/* Made by the host, valid until the function it was given to has returned. The arena (what `alloc` returns) lives
 * longer: until the host has copied the results. A plugin keeps neither. */
typedef struct bursar_call {
  uint32_t struct_size;
  uint32_t reserved;

  /* When the host stops waiting. 0: none. A plugin that sees it passed before it acted answers not_attempted or
   * BURSAR_DEADLINE; one that acted answers as it knows. The http service keeps to it by itself. */
  bursar_time deadline;

  /* The same operation tried again carries the same key, also after a restart; a different operation never does. To be
   * sent to the provider as its idempotency key. At most 64 characters of [A-Za-z0-9._-]. Empty for calls that change
   * nothing. */
  bursar_str idempotency_key;

  /* Ties log lines of one request together. */
  bursar_str trace_id;

  /* Memory of the call, aligned for any type, zeroed. Null when the arena's limit (at least 1 MiB) is reached: answer
   * BURSAR_OUT_OF_MEMORY. */
  void* (*alloc)(struct bursar_call* call, uint64_t size);

  /* Adds a diagnostic (copied) and returns `status` unchanged, so that `return call->report(call, BURSAR_INVALID, &d);`
   * reads well. */
  bursar_status (*report)(struct bursar_call* call, bursar_status status, const bursar_diagnostic* diagnostic);
} bursar_call;

#ifdef __cplusplus
}
#endif

#endif
