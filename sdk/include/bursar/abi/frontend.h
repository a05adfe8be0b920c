/* bursar.frontend/1: a web frontend, as a folder of static files that the kernel serves.
 *
 * A frontend reaches data through the public HTTP API only, so a third party's portal is never second class. No
 * function is called while serving: the table says it all. */
#ifndef BURSAR_ABI_FRONTEND_H
#define BURSAR_ABI_FRONTEND_H

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BURSAR_FRONTEND_ID "bursar.frontend/1"

/* The table. Does not change between open and close. */
typedef struct bursar_frontend_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  bursar_str
      mount_path;      /* begins and ends with a slash: "/", "/portal/"; never below "/api/", "/v1/" or "/webhooks/" */
  bursar_str folder;   /* an existing folder; relative to the folder of the plugin's own file. Nothing outside it is
                          served, links included */
  bursar_str index;    /* served for a folder; empty: "index.html" */
  bursar_str fallback; /* served where no file is (a single-page application); empty: 404 */
  bursar_pairs
      headers; /* security headers on every file: Content-Security-Policy at least. Those the kernel sets itself win */
  bursar_str immutable_prefix; /* paths below it carry a hash in their name and may be cached for a year; empty: none */
} bursar_frontend_v1;

#ifdef __cplusplus
}
#endif

#endif
