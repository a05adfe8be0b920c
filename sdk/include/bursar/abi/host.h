/* What the host offers a plugin: services, each found by id, each with its own revision.
 *
 * A service function returns BURSAR_OK or says why not; it never throws. Results are in the arena of the call that was
 * passed. The first argument is always the host given to `open`, which stays valid until `close` has returned. The
 * services are per instance: two instances of one plugin see two stores. */
#ifndef BURSAR_ABI_HOST_H
#define BURSAR_ABI_HOST_H

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bursar_host {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  void* context;        /* the host's own; a plugin leaves it alone */
  bursar_str version;   /* of Bursar: "0.1.0" */
  bursar_str instance;  /* the configured name: "cards" */
  bursar_str plugin_id; /* of the descriptor */

  /* [any] The service's table, valid until `close` has returned, or null when this host has no such service. The id is
   * compared whole. A plugin whose descriptor lists a service as needed is not opened by a host without it. */
  const void* (*get_service)(const struct bursar_host* host, const char* id);
} bursar_host;

/* ---- bursar.log/1 ---- */
#define BURSAR_LOG_ID "bursar.log/1"

typedef int32_t bursar_log_level;
#define BURSAR_LOG_UNKNOWN 0 /* read as info */
#define BURSAR_LOG_DEBUG 1
#define BURSAR_LOG_INFO 2
#define BURSAR_LOG_WARNING 3 /* staff should look when they have time */
#define BURSAR_LOG_ERROR 4   /* staff should look now */
#define BURSAR_LOG_PLUGIN_MISBEHAVING \
  5 /* the plugin, or the wrapper inside it, found itself breaking a rule of the ABI */
#define BURSAR_LOG_HOST_MISBEHAVING 6 /* the host broke one */

typedef struct bursar_log_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [any] One line. The host adds the instance, scrubs the instance's secrets and cuts what is too long (4 KiB) or too
   * much. */
  void (*write)(const bursar_host* host, bursar_log_level level, bursar_str message, bursar_pairs fields);
} bursar_log_v1;

/* ---- bursar.clock/1 ---- */
#define BURSAR_CLOCK_ID "bursar.clock/1"

typedef struct bursar_clock_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [any] Now. A test moves this clock by months between two calls; a plugin reads no other for dates and never sleeps
   * for it. */
  bursar_time (*now)(const bursar_host* host);
} bursar_clock_v1;

/* ---- bursar.http/1 ---- */
#define BURSAR_HTTP_ID "bursar.http/1"

/* What became of a request, the one thing a money plugin must know. */
typedef int32_t bursar_http_outcome;
#define BURSAR_HTTP_UNKNOWN 0  /* it may have arrived and been acted upon: reset, timeout, cut or oversized answer */
#define BURSAR_HTTP_ANSWERED 1 /* a whole answer came; see `status` */
#define BURSAR_HTTP_NOT_SENT \
  2 /* certain that the provider saw nothing: name not resolved, connection refused, TLS failed, refused by policy */

#define BURSAR_HTTP_ALLOW_REDIRECTS \
  1u /* follow up to 5, GET and HEAD only, same scheme and host. Default: a 3xx is an answer */

/* Method, URL, header names and values are checked by the host: no control characters, http or https, no
 * user:password@. */
typedef struct bursar_http_request {
  uint32_t struct_size;
  uint32_t flags;
  bursar_str method; /* "GET", "POST", ... */
  bursar_str url;
  bursar_pairs headers;
  bursar_str body;            /* bytes */
  int64_t timeout_ms;         /* of the whole exchange; 0: until the call's deadline, and never beyond it */
  int64_t connect_timeout_ms; /* 0: 10 seconds */
  uint64_t max_body_bytes;    /* of the answer; 0: 4 MiB. More is BURSAR_HTTP_UNKNOWN */
  bursar_str ca_pem; /* trust these certificates instead of the system's (a panel with its own authority); empty: the
                        system's */
  bursar_str pinned_sha256; /* base64 SHA-256 of the server's public key, checked beside the chain; empty: none */
} bursar_http_request;

typedef struct bursar_http_response {
  uint32_t struct_size;
  bursar_http_outcome outcome;
  int32_t status; /* 100 to 599 when answered */
  uint32_t reserved;
  bursar_pairs headers; /* names in lower case */
  bursar_str body;      /* bytes */
  bursar_str error;     /* when not answered: why, for staff, without secrets */
} bursar_http_response;

typedef struct bursar_http_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [worker] Blocks. BURSAR_OK whenever the outcome could be told, also NOT_SENT. Any other status: the outcome is
   * BURSAR_HTTP_UNKNOWN, except BURSAR_INVALID, which means that the request itself was refused and nothing was sent.
   */
  bursar_status (*send)(const bursar_host* host, bursar_call* call, const bursar_http_request* request,
                        bursar_http_response* response);
} bursar_http_v1;

/* ---- bursar.store/1 ---- */
#define BURSAR_STORE_ID "bursar.store/1"

#define BURSAR_STORE_KEY_MAX 200     /* bytes; [ -~] only */
#define BURSAR_STORE_VALUE_MAX 65536 /* bytes */

/* A few small values per instance, for cursors, nonces and references, kept in the provider's database: durable when
 * the function returns, and each function a transaction of its own. Not for secrets, and no place for the truth about
 * money. */
typedef struct bursar_store_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [worker] BURSAR_NOT_FOUND when there is none. */
  bursar_status (*get)(const bursar_host* host, bursar_call* call, bursar_str key, bursar_str* value);
  /* [worker] Writes, whatever was there. */
  bursar_status (*put)(const bursar_host* host, bursar_call* call, bursar_str key, bursar_str value);
  /* [worker] Writes only if what is there equals `expected` (null: nothing is there). `*swapped` is 1 when it wrote,
   * else 0; both are BURSAR_OK. */
  bursar_status (*swap)(const bursar_host* host, bursar_call* call, bursar_str key, const bursar_str* expected,
                        bursar_str value, int32_t* swapped);
  /* [worker] Absent already is fine. */
  bursar_status (*erase)(const bursar_host* host, bursar_call* call, bursar_str key);
  /* [worker] Pairs whose key begins with `prefix` and sorts (bytewise) after `after` (empty: from the first), in order,
   * at most `limit` (1 to 1000). */
  bursar_status (*list)(const bursar_host* host, bursar_call* call, bursar_str prefix, bursar_str after, uint32_t limit,
                        bursar_pairs* pairs);
} bursar_store_v1;

/* ---- bursar.random/1 ---- */
#define BURSAR_RANDOM_ID "bursar.random/1"

typedef struct bursar_random_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [any] Fills `bytes` with `size` bytes fit for keys and nonces. */
  bursar_status (*fill)(const bursar_host* host, void* bytes, uint64_t size);
} bursar_random_v1;

/* ---- bursar.crypto/1 ---- */
#define BURSAR_CRYPTO_ID "bursar.crypto/1"

typedef int32_t bursar_digest;
#define BURSAR_DIGEST_UNKNOWN 0
#define BURSAR_DIGEST_SHA256 1 /* 32 bytes */
#define BURSAR_DIGEST_SHA512 2 /* 64 bytes */
#define BURSAR_DIGEST_SHA1 3   /* 20 bytes; for old protocols only */
#define BURSAR_DIGEST_MD5 4    /* 16 bytes; for old protocols only (HTTP digest authentication) */

#define BURSAR_DIGEST_MAX 64

typedef struct bursar_crypto_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [any] Writes the raw digest into `out` (room for BURSAR_DIGEST_MAX) and its length into `*size`. BURSAR_UNSUPPORTED
   * for an unknown one. */
  bursar_status (*hash)(const bursar_host* host, bursar_digest digest, bursar_str data, uint8_t* out, uint32_t* size);
  /* [any] The same, HMAC (RFC 2104). */
  bursar_status (*hmac)(const bursar_host* host, bursar_digest digest, bursar_str key, bursar_str data, uint8_t* out,
                        uint32_t* size);
  /* [any] 1 when equal, else 0, in a time that depends on the lengths only. For every comparison with a signature or
   * token. */
  int32_t (*equal)(const bursar_host* host, bursar_str left, bursar_str right);
} bursar_crypto_v1;

#ifdef __cplusplus
}
#endif

#endif
