#include "plugin_host/host_services.hpp"

#include <cstring>
#include <span>

#include "base/log.hpp"
#include "plugin_host/call.hpp"
#include "plugin_host/services/crypto.hpp"
#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

constexpr int log_lines_per_window = 300;
constexpr auto log_window = std::chrono::seconds(10);
constexpr std::size_t log_text_max = 4096;
constexpr std::size_t log_fields_max = 30;
constexpr std::uint64_t http_part_max = std::uint64_t{64} * 1024 * 1024;

// Every service passes here: what goes wrong in it is a status to the plugin and a line in the log, never an exception.
template <class F>
bursar_status guarded(const bursar_host* host, const char* service, F&& f) noexcept {
  try {
    return f(HostServices::of(host));
  } catch (const std::exception& error) {
    log::warning("plugin_service_failed",
                 {{"instance", HostServices::of(host).instance()}, {"service", service}, {"error", error.what()}});
    return BURSAR_ERROR;
  }
}

// ---- log ----
log::Level level_of(bursar_log_level level) {
  switch (level) {
    case BURSAR_LOG_DEBUG:
      return log::Level::debug;
    case BURSAR_LOG_WARNING:
    case BURSAR_LOG_PLUGIN_MISBEHAVING:
    case BURSAR_LOG_HOST_MISBEHAVING:
      return log::Level::warning;
    case BURSAR_LOG_ERROR:
      return log::Level::error;
    default:
      return log::Level::info;
  }
}

const char* event_of(bursar_log_level level) {
  if (level == BURSAR_LOG_PLUGIN_MISBEHAVING) return "plugin_misbehaving";
  return level == BURSAR_LOG_HOST_MISBEHAVING ? "plugin_blames_host" : "plugin_log";
}

void log_write(const bursar_host* host, bursar_log_level level, bursar_str message, bursar_pairs fields) noexcept {
  guarded(host, BURSAR_LOG_ID, [&](HostServices& self) -> bursar_status {
    if (!self.may_log()) return BURSAR_OK;
    std::string details;
    for (std::uint64_t i = 0; fields.items != nullptr && i < std::min<std::uint64_t>(fields.count, log_fields_max);
         ++i) {
      if (details.size() > log_text_max) break;
      details += (i == 0 ? "" : " ") + std::string(peek(fields.items[i].key, 100)) + "=" +
                 std::string(peek(fields.items[i].value));
    }
    const auto clean = [&](std::string_view text) { return presentable(self.scrubber().scrub(text), log_text_max); };
    log::write(level_of(level), event_of(level),
               {{"instance", self.instance()}, {"message", clean(peek(message))}, {"details", clean(details)}});
    return BURSAR_OK;
  });
}
constexpr bursar_log_v1 log_table{sizeof(bursar_log_v1), 0, &log_write};

// ---- clock ----
bursar_time clock_now(const bursar_host* host) noexcept {
  bursar_time now = 0;
  guarded(host, BURSAR_CLOCK_ID, [&](HostServices& self) {
    now = self.environment().now_ms();
    return BURSAR_OK;
  });
  return now;
}
constexpr bursar_clock_v1 clock_table{sizeof(bursar_clock_v1), 0, &clock_now};

// ---- http ----
std::string whole(const bursar_str& text) { return std::string(peek(text, http_part_max)); }

HttpRequest request_of(const bursar_http_request& from, const Call& call) {
  using std::chrono::milliseconds;
  HttpRequest request;
  request.method = whole(from.method);
  request.url = whole(from.url);
  for (std::uint64_t i = 0; from.headers.items != nullptr && i < from.headers.count && i < 1000; ++i) {
    request.headers.emplace_back(whole(from.headers.items[i].key), whole(from.headers.items[i].value));
  }
  request.body = whole(from.body);
  request.deadline = call.ends();
  if (from.timeout_ms > 0) {
    const auto own =
        std::chrono::steady_clock::now() + milliseconds(std::min<std::int64_t>(from.timeout_ms, 3'600'000));
    request.deadline = std::min(request.deadline, own);
  }
  if (from.connect_timeout_ms > 0) request.connect_timeout_ms = from.connect_timeout_ms;
  // The answer must fit into the arena beside the plugin's own needs.
  if (from.max_body_bytes > 0) {
    request.max_answer_bytes =
        static_cast<std::int64_t>(std::min<std::uint64_t>(from.max_body_bytes, Arena::limit / 2));
  }
  if (BURSAR_HAS(&from, ca_pem)) request.ca_pem = whole(from.ca_pem);
  if (BURSAR_HAS(&from, pinned_sha256)) request.pinned_sha256 = whole(from.pinned_sha256);
  request.follow_redirects = (from.flags & BURSAR_HTTP_ALLOW_REDIRECTS) != 0;
  return request;
}

bool copy_answer(const HttpAnswer& answer, Arena& arena, bursar_http_response& out) {
  out.status = answer.status;
  out.error = arena.copy(answer.error);
  out.body = arena.copy(answer.body);
  auto* pairs = static_cast<bursar_pair*>(arena.allocate(answer.headers.size() * sizeof(bursar_pair)));
  if (pairs == nullptr || out.body.data == nullptr || out.error.data == nullptr) return false;
  for (std::size_t i = 0; i < answer.headers.size(); ++i) {
    pairs[i] = {arena.copy(answer.headers[i].first), arena.copy(answer.headers[i].second)};
    if (pairs[i].key.data == nullptr || pairs[i].value.data == nullptr) return false;
  }
  out.headers = {pairs, answer.headers.size()};
  return true;
}

bursar_status http_send(const bursar_host* host, bursar_call* abi_call, const bursar_http_request* request,
                        bursar_http_response* response) noexcept {
  return guarded(host, BURSAR_HTTP_ID, [&](HostServices& self) -> bursar_status {
    if (abi_call == nullptr || request == nullptr || response == nullptr || !BURSAR_HAS(request, max_body_bytes) ||
        !BURSAR_HAS(response, error)) {
      return BURSAR_INVALID;
    }
    auto& call = Call::of(abi_call);
    response->outcome = BURSAR_HTTP_UNKNOWN;
    const auto answer = self.environment().http.perform(request_of(*request, call));
    const bool fits = copy_answer(answer, call.arena(), *response);
    switch (answer.failure) {
      case HttpFailure::none:
        break;
      case HttpFailure::invalid:
        return BURSAR_INVALID;
      case HttpFailure::not_connected:
        response->outcome = BURSAR_HTTP_NOT_SENT;
        return BURSAR_OK;
      case HttpFailure::lost:
      case HttpFailure::too_large:
        return BURSAR_OK;
    }
    if (!fits) return BURSAR_OUT_OF_MEMORY;
    response->outcome = BURSAR_HTTP_ANSWERED;
    return BURSAR_OK;
  });
}
constexpr bursar_http_v1 http_table{sizeof(bursar_http_v1), 0, &http_send};

// ---- store ----
bool key_fits(const bursar_str& key) {
  const auto text = peek(key, BURSAR_STORE_KEY_MAX + 1);
  return !text.empty() && key.size <= BURSAR_STORE_KEY_MAX &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}
bool value_fits(const bursar_str& value) {
  const auto text = peek(value, BURSAR_STORE_VALUE_MAX);
  return value.size <= BURSAR_STORE_VALUE_MAX && is_utf8(text) && text.find('\0') == std::string_view::npos;
}
std::string_view stored_text(const bursar_str& value) { return peek(value, BURSAR_STORE_VALUE_MAX); }

template <class F>
bursar_status on_store(const bursar_host* host, F&& f) noexcept {
  return guarded(host, BURSAR_STORE_ID, [&](HostServices& self) -> bursar_status {
    bursar_status status = BURSAR_ERROR;
    self.environment().with_store([&](KeyValues& store) { status = f(store, std::string_view(self.instance())); });
    return status;
  });
}

bursar_status store_get(const bursar_host* host, bursar_call* call, bursar_str key, bursar_str* value) noexcept {
  return on_store(host, [&](KeyValues& store, std::string_view instance) -> bursar_status {
    if (call == nullptr || value == nullptr || !key_fits(key)) return BURSAR_INVALID;
    const auto found = store.get(instance, peek(key));
    if (!found) return BURSAR_NOT_FOUND;
    *value = Call::of(call).arena().copy(*found);
    return value->data == nullptr ? BURSAR_OUT_OF_MEMORY : BURSAR_OK;
  });
}

bursar_status store_put(const bursar_host* host, bursar_call*, bursar_str key, bursar_str value) noexcept {
  return on_store(host, [&](KeyValues& store, std::string_view instance) -> bursar_status {
    if (!key_fits(key) || !value_fits(value)) return BURSAR_INVALID;
    store.put(instance, peek(key), stored_text(value));
    return BURSAR_OK;
  });
}

bursar_status store_swap(const bursar_host* host, bursar_call*, bursar_str key, const bursar_str* expected,
                         bursar_str value, std::int32_t* swapped) noexcept {
  return on_store(host, [&](KeyValues& store, std::string_view instance) -> bursar_status {
    if (swapped == nullptr || !key_fits(key) || !value_fits(value)) return BURSAR_INVALID;
    std::optional<std::string> before;
    if (expected != nullptr) before = std::string(stored_text(*expected));
    *swapped = store.swap(instance, peek(key), before, stored_text(value)) ? 1 : 0;
    return BURSAR_OK;
  });
}

bursar_status store_erase(const bursar_host* host, bursar_call*, bursar_str key) noexcept {
  return on_store(host, [&](KeyValues& store, std::string_view instance) -> bursar_status {
    if (!key_fits(key)) return BURSAR_INVALID;
    store.erase(instance, peek(key));
    return BURSAR_OK;
  });
}

bursar_status store_list(const bursar_host* host, bursar_call* call, bursar_str prefix, bursar_str after,
                         std::uint32_t limit, bursar_pairs* pairs) noexcept {
  return on_store(host, [&](KeyValues& store, std::string_view instance) -> bursar_status {
    if (call == nullptr || pairs == nullptr || limit < 1 || limit > 1000) return BURSAR_INVALID;
    auto found = store.all(instance);
    std::erase_if(found,
                  [&](const auto& pair) { return !pair.first.starts_with(peek(prefix)) || pair.first <= peek(after); });
    if (found.size() > limit) found.resize(limit);
    auto& arena = Call::of(call).arena();
    auto* items = static_cast<bursar_pair*>(arena.allocate(found.size() * sizeof(bursar_pair)));
    for (std::size_t i = 0; items != nullptr && i < found.size(); ++i) {
      items[i] = {arena.copy(found[i].first), arena.copy(found[i].second)};
      if (items[i].key.data == nullptr || items[i].value.data == nullptr) return BURSAR_OUT_OF_MEMORY;
    }
    if (items == nullptr) return BURSAR_OUT_OF_MEMORY;
    *pairs = {items, found.size()};
    return BURSAR_OK;
  });
}
constexpr bursar_store_v1 store_table{
    sizeof(bursar_store_v1), 0, &store_get, &store_put, &store_swap, &store_erase, &store_list};

// ---- random and crypto ----
bursar_status random_fill(const bursar_host* host, void* bytes, std::uint64_t size) noexcept {
  return guarded(host, BURSAR_RANDOM_ID, [&](HostServices&) -> bursar_status {
    if (bytes == nullptr && size > 0) return BURSAR_INVALID;
    fill_random({static_cast<std::byte*>(bytes), static_cast<std::size_t>(size)});
    return BURSAR_OK;
  });
}
constexpr bursar_random_v1 random_table{sizeof(bursar_random_v1), 0, &random_fill};

std::optional<Digest> digest_of(bursar_digest digest) {
  switch (digest) {
    case BURSAR_DIGEST_SHA256:
      return Digest::sha256;
    case BURSAR_DIGEST_SHA512:
      return Digest::sha512;
    case BURSAR_DIGEST_SHA1:
      return Digest::sha1;
    case BURSAR_DIGEST_MD5:
      return Digest::md5;
    default:
      return std::nullopt;
  }
}
std::string_view all_of(const bursar_str& bytes) {
  return bytes.data == nullptr ? std::string_view()
                               : std::string_view(bytes.data, static_cast<std::size_t>(bytes.size));
}
bursar_status give(const std::string& result, std::uint8_t* out, std::uint32_t* size) {
  std::memcpy(out, result.data(), result.size());
  *size = static_cast<std::uint32_t>(result.size());
  return BURSAR_OK;
}

bursar_status crypto_hash(const bursar_host* host, bursar_digest kind, bursar_str data, std::uint8_t* out,
                          std::uint32_t* size) noexcept {
  return guarded(host, BURSAR_CRYPTO_ID, [&](HostServices&) -> bursar_status {
    const auto algorithm = digest_of(kind);
    if (!algorithm) return BURSAR_UNSUPPORTED;
    if (out == nullptr || size == nullptr) return BURSAR_INVALID;
    return give(digest(*algorithm, all_of(data)), out, size);
  });
}

bursar_status crypto_hmac(const bursar_host* host, bursar_digest kind, bursar_str key, bursar_str data,
                          std::uint8_t* out, std::uint32_t* size) noexcept {
  return guarded(host, BURSAR_CRYPTO_ID, [&](HostServices&) -> bursar_status {
    const auto algorithm = digest_of(kind);
    if (!algorithm) return BURSAR_UNSUPPORTED;
    if (out == nullptr || size == nullptr) return BURSAR_INVALID;
    return give(hmac(*algorithm, all_of(key), all_of(data)), out, size);
  });
}

std::int32_t crypto_equal(const bursar_host*, bursar_str left, bursar_str right) noexcept {
  return equal_in_constant_time(all_of(left), all_of(right)) ? 1 : 0;
}
constexpr bursar_crypto_v1 crypto_table{sizeof(bursar_crypto_v1), 0, &crypto_hash, &crypto_hmac, &crypto_equal};

const void* find_service(const bursar_host*, const char* id) noexcept {
  return id == nullptr ? nullptr : HostServices::table(id);
}

}  // namespace

bursar_time Environment::now_ms() const {
  const std::shared_lock lock(gate_);
  return closed_ ? 0 : clock_.now().unix_seconds() * 1000;
}

bool Environment::with_store(const std::function<void(KeyValues&)>& use) {
  const std::shared_lock lock(gate_);
  if (closed_) return false;
  use(*store_);
  return true;
}

void Environment::close() {
  const std::unique_lock lock(gate_);
  closed_ = true;
}

HostServices::HostServices(std::shared_ptr<Environment> environment, std::string instance, std::string plugin_id,
                           Scrubber scrubber)
    : environment_(std::move(environment)),
      instance_(std::move(instance)),
      plugin_id_(std::move(plugin_id)),
      scrubber_(std::move(scrubber)),
      host_(sized<bursar_host>()) {
  host_.abi_major = BURSAR_ABI_MAJOR;
  host_.abi_minor = BURSAR_ABI_MINOR;
  host_.context = this;
  host_.version = BURSAR_LITERAL(BURSAR_SDK_VERSION);
  host_.instance = lend(instance_);
  host_.plugin_id = lend(plugin_id_);
  host_.get_service = &find_service;
}

const void* HostServices::table(std::string_view id) {
  if (id == BURSAR_LOG_ID) return &log_table;
  if (id == BURSAR_CLOCK_ID) return &clock_table;
  if (id == BURSAR_HTTP_ID) return &http_table;
  if (id == BURSAR_STORE_ID) return &store_table;
  if (id == BURSAR_RANDOM_ID) return &random_table;
  if (id == BURSAR_CRYPTO_ID) return &crypto_table;
  return nullptr;
}

bool HostServices::may_log() {
  const std::lock_guard lock(log_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - log_window_ > log_window) {
    if (log_lines_ > log_lines_per_window) {
      log::warning("plugin_log_dropped", {{"instance", instance_}, {"lines", log_lines_ - log_lines_per_window}});
    }
    log_window_ = now;
    log_lines_ = 0;
  }
  return ++log_lines_ <= log_lines_per_window;
}

}  // namespace bursar::plugin_host
