/* A channel in plain C, without the C++ wrapper: what the ABI asks for, and nothing else. It counts its messages and
 * hands them to nobody. */
#include <bursar/abi/entry.h>
#include <bursar/abi/notify.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct bursar_plugin {
  const bursar_host* host;
  const bursar_log_v1* log;
  bursar_notify_v1 notify;
  atomic_ullong sent;
};

/* Writes `value` with six digits at least; `out` has room. */
static uint64_t write_number(char* out, unsigned long long value) {
  char digits[24];
  uint64_t count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0 || count < 6);
  for (uint64_t i = 0; i < count; ++i) out[i] = digits[count - 1 - i];
  return count;
}

/* An out-struct of an older host ends earlier: only what is there is written, and the outcome last. */
static bursar_status send_message(bursar_plugin* plugin, bursar_call* call, const bursar_message* message,
                                  bursar_delivery* out) {
  static const char prefix[] = "plain-c-";
  const uint64_t prefix_size = sizeof prefix - 1;
  (void)message;
  char* id = call->alloc(call, prefix_size + 24);
  if (id == NULL) return BURSAR_OUT_OF_MEMORY;
  memcpy(id, prefix, prefix_size);
  const uint64_t size = prefix_size + write_number(id + prefix_size, atomic_fetch_add(&plugin->sent, 1) + 1);
  if (plugin->log != NULL) {
    const bursar_str line = BURSAR_LITERAL("counted a message");
    const bursar_pairs none = {NULL, 0};
    plugin->log->write(plugin->host, BURSAR_LOG_DEBUG, line, none);
  }
  if (BURSAR_HAS(out, provider_id)) {
    out->provider_id.data = id;
    out->provider_id.size = size;
  }
  out->outcome = BURSAR_DELIVERY_SENT;
  return BURSAR_OK;
}

static bursar_status open_plugin(const bursar_host* host, bursar_call* call, const bursar_settings* settings,
                                 bursar_plugin** out) {
  (void)call;
  (void)settings;
  bursar_plugin* plugin = calloc(1, sizeof *plugin);
  if (plugin == NULL) return BURSAR_OUT_OF_MEMORY;
  plugin->host = host;
  plugin->log = host->get_service(host, BURSAR_LOG_ID);
  plugin->notify.struct_size = sizeof plugin->notify;
  plugin->notify.send = &send_message;
  *out = plugin;
  return BURSAR_OK;
}

static void close_plugin(bursar_plugin* plugin) { free(plugin); }

static const void* get_interface(bursar_plugin* plugin, const char* id) {
  return plugin != NULL && strcmp(id, BURSAR_NOTIFY_ID) == 0 ? &plugin->notify : NULL;
}

static const bursar_str interfaces[] = {BURSAR_LITERAL(BURSAR_NOTIFY_ID)};

static const bursar_descriptor descriptor = {
    .struct_size = sizeof(bursar_descriptor),
    .flags = BURSAR_DESCRIPTOR_CONCURRENT,
    .kind = BURSAR_KIND_CHANNEL,
    .setting_size = sizeof(bursar_setting),
    .id = BURSAR_LITERAL("com.example.plain-c"),
    .version = BURSAR_LITERAL("0.1.0"),
    .name = BURSAR_LITERAL("Plain C"),
    .summary = BURSAR_LITERAL("Counts messages."),
    .license = BURSAR_LITERAL("Apache-2.0"),
    .interfaces = {interfaces, 1},
};

static const bursar_entry entry = {
    .magic = BURSAR_MAGIC,
    .struct_size = sizeof(bursar_entry),
    .abi_major = BURSAR_ABI_MAJOR,
    .abi_minor = BURSAR_ABI_MINOR,
    .abi_minor_needed = BURSAR_ABI_MINOR,
    .abi_draft = BURSAR_ABI_DRAFT,
    .sdk_version = BURSAR_LITERAL(BURSAR_SDK_VERSION),
    .descriptor = &descriptor,
    .open = &open_plugin,
    .close = &close_plugin,
    .get_interface = &get_interface,
};

const bursar_entry* bursar_plugin_v1(void) { return &entry; }
