/* The way into a plugin: one exported function, `bursar_plugin_v1`, and what it returns.
 *
 * How a host loads a file, in this order, refusing with a message that names the file, what was found, what was
 * expected and the cure:
 *   1. the file exports `bursar_plugin_v1` (looked at without running any of its code): the major, spelled in the
 * symbol's name;
 *   2. it is loaded with RTLD_NOW | RTLD_LOCAL, the function is called, its answer is not null;
 *   3. `magic` is BURSAR_MAGIC and `struct_size` reaches at least to the end of `get_interface`;
 *   4. abi_major is BURSAR_ABI_MAJOR; abi_draft and, while that is not zero, sdk_version equal the host's own;
 *   5. abi_minor_needed <= the host's BURSAR_ABI_MINOR ("rebuild against SDK 1.3 or run Bursar 1.5 or later");
 *   6. the descriptor is sane: id, version, settings table, and every needed service exists;
 *   7. the settings fit the table, then `validate` if there is one;
 *   8. `open`.
 * A refusal disables that instance alone. */
#ifndef BURSAR_ABI_ENTRY_H
#define BURSAR_ABI_ENTRY_H

#include "call.h"
#include "host.h"
#include "settings.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BURSAR_MAGIC 0x31525342u /* "BSR1" in memory on little-endian machines */

typedef int32_t bursar_kind;
#define BURSAR_KIND_UNKNOWN 0 /* fine: the interfaces alone decide what it is used for */
#define BURSAR_KIND_GATEWAY 1
#define BURSAR_KIND_PANEL 2
#define BURSAR_KIND_CHANNEL 3
#define BURSAR_KIND_FRONTEND 4

/* Operations of one instance may run on several threads at once. Without it the host makes them wait for each other. */
#define BURSAR_DESCRIPTOR_CONCURRENT 1u

/* Who a plugin is. Static: valid as long as the library is loaded, and the same each time it is asked. */
typedef struct bursar_descriptor {
  uint32_t struct_size;
  uint32_t flags;
  bursar_kind kind;
  uint32_t setting_size; /* bytes from one row of `settings` to the next */
  bursar_str id;      /* reverse domain, [a-z0-9.-]: "com.acme.pay"; the bundled ones are "bursar.sandbox" and so on */
  bursar_str version; /* semantic version: "1.2.0" */
  bursar_str name;    /* "Acme Pay" */
  bursar_str summary; /* one sentence */
  bursar_str vendor;
  bursar_str url;
  bursar_str license;     /* SPDX: "Apache-2.0" */
  bursar_strs interfaces; /* ids of the interfaces it may answer for */
  bursar_strs needs;      /* ids of the host services it cannot do without */
  const bursar_setting* settings;
  uint64_t settings_count;
} bursar_descriptor;

typedef struct bursar_entry {
  uint32_t magic;
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;        /* BURSAR_ABI_MINOR of the headers it was built with; for messages */
  uint16_t abi_minor_needed; /* the lowest host minor that suffices; the default is the one it was built with */
  uint16_t flags;            /* none yet: 0 */
  uint32_t abi_draft;        /* BURSAR_ABI_DRAFT of the headers it was built with */
  uint32_t reserved;
  bursar_str sdk_version; /* BURSAR_SDK_VERSION of the headers it was built with */

  const bursar_descriptor* descriptor;

  /* [control] Makes an instance. `host` stays valid until `close` has returned; call and settings only for this call.
   * May be called many times: two configured instances of a plugin are two `open`s in one process and share nothing (no
   * mutable globals). Fast, and without network: a provider that is down must not keep Bursar from starting. On any
   * status but BURSAR_OK `*plugin` stays null, nothing is left behind, and diagnostics say why. */
  bursar_status (*open)(const bursar_host* host, bursar_call* call, const bursar_settings* settings,
                        bursar_plugin** plugin);

  /* [control] Ends the instance, once, with no call under way; joins its threads. The host remains usable until it
   * returns. */
  void (*close)(bursar_plugin* plugin);

  /* [control] The table of an interface, valid until `close` has returned; null when the instance does not offer it.
   * The id is compared whole: "bursar.payment/1x" is unknown. With a null instance only BURSAR_SETTINGS_ID may be
   * asked. */
  const void* (*get_interface)(bursar_plugin* plugin, const char* id);
} bursar_entry;

#define BURSAR_ENTRY_SYMBOL "bursar_plugin_v1"

typedef const bursar_entry* (*bursar_plugin_function)(void);

/* The only symbol a plugin exports. [any], without effects; always the same answer. */
BURSAR_EXPORT const bursar_entry* bursar_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
