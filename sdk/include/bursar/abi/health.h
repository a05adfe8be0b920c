/* bursar.health/1: how an instance feels, for the staff's page and for monitoring. */
#ifndef BURSAR_ABI_HEALTH_H
#define BURSAR_ABI_HEALTH_H

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BURSAR_HEALTH_ID "bursar.health/1"

typedef int32_t bursar_health_state;
#define BURSAR_HEALTH_UNKNOWN 0
#define BURSAR_HEALTH_GOOD 1
#define BURSAR_HEALTH_DEGRADED 2 /* works, but not as it should: a node is behind, a balance is low */
#define BURSAR_HEALTH_DOWN 3     /* operations would fail now */

typedef struct bursar_health_result {
  uint32_t struct_size;
  bursar_health_state state;
  bursar_str text;     /* one sentence, without secrets */
  bursar_pairs values; /* "block height": "860123" */
} bursar_health_result;

typedef struct bursar_health_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [worker] Changes nothing; may ask the provider. */
  bursar_status (*check)(bursar_plugin*, bursar_call*, bursar_health_result*);
} bursar_health_v1;

#ifdef __cplusplus
}
#endif

#endif
