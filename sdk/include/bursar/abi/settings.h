/* The settings a plugin has, as a table that can be read before the plugin runs, and their values as the host hands
 * them over.
 *
 * The host parses the YAML with the table: it reports file, line and column with the nearest key, refuses unknown keys,
 * fills defaults, checks ranges, redacts secrets, draws the form and prints an example. `open` therefore only ever sees
 * values that fit the table; what remains is what one value says about another, and that is `validate` of
 * bursar.settings/1. */
#ifndef BURSAR_ABI_SETTINGS_H
#define BURSAR_ABI_SETTINGS_H

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t bursar_setting_type;
#define BURSAR_SETTING_UNKNOWN 0 /* a host that does not know the type refuses the plugin, naming the key */
#define BURSAR_SETTING_STRING 1
#define BURSAR_SETTING_SECRET 2 /* a string that appears in no log, error, form or answer */
#define BURSAR_SETTING_BOOL 3
#define BURSAR_SETTING_INTEGER 4
#define BURSAR_SETTING_MONEY 5    /* written "12.34 EUR" */
#define BURSAR_SETTING_DURATION 6 /* written "30s", "5m", "2h", "7d"; milliseconds in the value */
#define BURSAR_SETTING_URL 7      /* absolute, http or https */
#define BURSAR_SETTING_CHOICE 8   /* one of `choices` */
#define BURSAR_SETTING_LIST 9     /* a list of strings, one of `choices` each where there are choices */

/* `value` is what is written, `label` what a form shows. */
typedef struct bursar_choice {
  bursar_str value;
  bursar_str label;
} bursar_choice;

#define BURSAR_SETTING_REQUIRED 1u /* must be written; exclusive with a default */
#define BURSAR_SETTING_ADVANCED 2u /* a form hides it behind "more" */

/* One row of the table. Static: valid as long as the library is loaded. */
typedef struct bursar_setting {
  uint32_t struct_size;
  bursar_setting_type type;
  uint32_t flags; /* BURSAR_SETTING_REQUIRED, ... */
  uint32_t choices_count;
  bursar_str key;           /* [a-z][a-z0-9_]*, at most 40 characters, unique in the table */
  bursar_str label;         /* for forms: "API key" */
  bursar_str help;          /* one or two sentences; where to find the value */
  bursar_str default_value; /* as it would be written; an empty text is no default */
  bursar_str example; /* what an example file shows; empty: the default, or something that fits the type. Never a real
                         secret */

  /* Both zero: no limit. integer: the value; duration: milliseconds; money: minor units; string, secret, url: bytes;
   * list: items. */
  int64_t minimum;
  int64_t maximum;

  const bursar_choice* choices;
  bursar_str prefix;        /* string, secret: the value must begin so ("sk_"); catches swapped keys. Empty: anything */
  bursar_str since;         /* the plugin's version that brought it */
  bursar_str deprecated_by; /* the key to use instead; the host warns. Empty: not deprecated */
} bursar_setting;

/* The value of one setting. Every row of the table that is written or has a default has one, in the order of the table.
 */
typedef struct bursar_setting_value {
  uint32_t struct_size;
  bursar_setting_type type;
  bursar_str key;
  bursar_str text;    /* string, secret, url, choice: the value; the other types: as written */
  int64_t integer;    /* bool: 0 or 1; integer; duration: milliseconds */
  bursar_money money; /* money */
  bursar_strs items;  /* list */
} bursar_setting_value;

/* Borrowed for the call it was given to. */
typedef struct bursar_settings {
  uint32_t struct_size;
  uint32_t value_size; /* bytes from one value to the next */
  const bursar_setting_value* values;
  uint64_t count;
} bursar_settings;

#define BURSAR_SETTINGS_ID "bursar.settings/1"

struct bursar_host;

/* Optional. The only interface that get_interface must also answer for a null instance, before `open`. */
typedef struct bursar_settings_v1 {
  uint32_t struct_size;
  uint32_t reserved;

  /* [control] Without network or other effects. BURSAR_OK: acceptable (warnings may have been reported).
   * BURSAR_INVALID: not, and each diagnostic's `where` names the key. */
  bursar_status (*validate)(const struct bursar_host* host, bursar_call* call, const bursar_settings* settings);
} bursar_settings_v1;

#ifdef __cplusplus
}
#endif

#endif
