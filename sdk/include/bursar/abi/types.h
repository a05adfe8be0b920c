/* The types every other header of the ABI is made of, and the rules that hold for all of them.
 *
 * Rules
 *  - Pure C11; also valid C++17 and C++20. No callback, FILE*, C++ type or cycle is ever an argument: only integers,
 * bursar_str, arrays of flat structs and key/value lists. That is what lets the same .so run in another process.
 *  - Growth. A struct that begins with `struct_size` may grow, at its end only. It is always passed by pointer, never
 * embedded and never copied by assignment by the side that did not make it. Read a field of a struct made by the other
 * side only after BURSAR_HAS says that it is there. Whoever makes the struct zeroes it and sets struct_size to its own
 * sizeof; for an out-struct that is the caller, and the callee writes only fields that fit. A struct without
 * struct_size is frozen for good and may be embedded. An array of growing structs comes with the size of one element as
 * its maker knows it (`..._size`): step by that.
 *  - Zero means unknown, none or absent, in every enumeration and every field. An enumeration is an int32_t with named
 * constants; a value that the reader does not know is read as 0. Open sets (ids, currencies, reasons) are strings.
 *  - Text is UTF-8, its length counted in bytes, not zero-terminated. A null pointer with size 0 is the empty text.
 *  - Memory. Arguments are borrowed for the length of the call. Whatever a call returns is either static, or lives as
 * long as the instance (said where it is so), or is allocated from the call's arena (call.h) and dies with it. Nobody
 * frees the other's memory.
 *  - Threads, written beside each function: [control] never concurrent with anything for the same instance; [worker] on
 * any thread, one at a time per instance unless the descriptor is flagged concurrent; [any] on any thread at any time
 * between open and close.
 *  - No exception, longjmp or exit crosses in either direction.
 *  - A library is never unloaded: its handle is kept until the process ends. An upgrade is a restart.
 */
#ifndef BURSAR_ABI_TYPES_H
#define BURSAR_ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* The three version facts (entry.h says how they are compared): the major is in the exported symbol's name, the minor
 * counts additions, and each interface id ends in its own revision ("bursar.payment/1"). */
#define BURSAR_ABI_MAJOR 1
#define BURSAR_ABI_MINOR 0

/* Not zero: the ABI is a draft, and this counts its layouts. A draft plugin loads only into the kernel whose headers
 * carry the same draft number and the same SDK version: while gateways, panels and channels of different kinds are
 * still being built against it, anything may change from one release to the next. When the ABI is frozen this becomes
 * 0, and from then on only the minor counts. */
#define BURSAR_ABI_DRAFT 4

/* The version of this kit; the kernel of the same version is built from the same headers. */
#define BURSAR_SDK_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* Does the struct `s`, made by the other side, reach as far as the end of `field`? */
#define BURSAR_HAS(s, field) ((size_t)((const char*)(&(s)->field + 1) - (const char*)(s)) <= (size_t)(s)->struct_size)

/* Borrowed UTF-8 text, or bytes where a field says so. */
typedef struct bursar_str {
  const char* data;
  uint64_t size;
} bursar_str;

/* An initialiser of a bursar_str from a string literal. */
#define BURSAR_LITERAL(literal) \
  { (literal), sizeof(literal) - 1 }

typedef struct bursar_strs {
  const bursar_str* items;
  uint64_t count;
} bursar_strs;

/* A list of pairs in order; a key may occur more than once (HTTP headers do). */
typedef struct bursar_pair {
  bursar_str key;
  bursar_str value;
} bursar_pair;

typedef struct bursar_pairs {
  const bursar_pair* items;
  uint64_t count;
} bursar_pairs;

/* An amount in the currency's minor unit (ISO 4217: EUR 12.34 is 1234, JPY 500 is 500, KWD 1.234 is 1234). `currency`
 * is the upper-case code filled up with zero bytes; all zero means that there is no amount. Never a floating-point
 * number, on either side. */
typedef struct bursar_money {
  int64_t minor;
  char currency[8];
} bursar_money;

/* A quantity on a chain, (high * 2^64 + low) * 10^exponent of `asset` ("BTC", "XMR", "ETH"): units of 18 decimals
 * overflow 64 bits above 9.22 coins. Two's complement across the pair. An empty asset means that there is none. */
typedef struct bursar_quantity {
  int64_t high;
  uint64_t low;
  int32_t exponent;
  uint32_t reserved;
  bursar_str asset;
} bursar_quantity;

/* Milliseconds since 1970-01-01T00:00:00Z; 0: none. Compare only with the host's clock service: tests move it. */
typedef int64_t bursar_time;

/* Whether a call worked; what happened to the money, account or message is the outcome in its result, a different
 * thing. After any status but BURSAR_OK the host reads no result, and the outcome of an operation that acts is unknown.
 */
typedef int32_t bursar_status;
#define BURSAR_OK 0
#define BURSAR_ERROR 1         /* it failed; the diagnostics say how */
#define BURSAR_INVALID 2       /* the settings or the request cannot be accepted as they are */
#define BURSAR_UNSUPPORTED 3   /* this plugin does not do that */
#define BURSAR_DEADLINE 4      /* the call's deadline passed */
#define BURSAR_EXCEPTION 5     /* an exception reached the edge of the plugin, or of a host service */
#define BURSAR_OUT_OF_MEMORY 6 /* the call's arena is exhausted */
#define BURSAR_NOT_FOUND 7

/* One configured instance of a plugin; its inside belongs to the plugin. */
typedef struct bursar_plugin bursar_plugin;

#if defined(_WIN32)
#define BURSAR_EXPORT __declspec(dllexport)
#else
#define BURSAR_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
}
#endif

#endif
