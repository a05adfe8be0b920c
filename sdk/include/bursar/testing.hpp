// For tests of plugins: a host without Bursar. It has every service; the clock moves when told, the store is a map, the
// network is a script, and everything can be looked at. bursar-plugin-check is built from it, and an author's own tests
// may be.
//
// Not for use inside plugins. The services may be used from several threads at once, `network` too then; what a test
// sets or looks at, it sets before and looks at after.
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "abi/frontend.h"
#include "abi/health.h"
#include "abi/notify.h"
#include "abi/webhook.h"
#include "testing_sha256.hpp"
#include "values.hpp"

namespace bursar::testing {

struct Diagnostic {
  std::int32_t severity = 0, retry = 0;
  std::string code, message, where;
};

// A call with its arena.
class TestCall {
 public:
  explicit TestCall(std::string idempotency_key = {}, bursar_time deadline = 0) : key_(std::move(idempotency_key)) {
    raw.call.struct_size = sizeof(bursar_call);
    raw.call.deadline = deadline;
    raw.call.idempotency_key = detail::borrow(key_);
    raw.call.trace_id = detail::borrow("test");
    raw.call.alloc = [](bursar_call* call, std::uint64_t size) -> void* { return owner(call).allocate(size); };
    raw.call.report = [](bursar_call* call, bursar_status status, const bursar_diagnostic* d) -> bursar_status {
      owner(call).diagnostics.push_back({d->severity, d->retry, std::string(detail::read(d->code)),
                                         std::string(detail::read(d->message)), std::string(detail::read(d->where))});
      return status;
    };
    raw.owner = this;
  }
  TestCall(const TestCall&) = delete;
  TestCall& operator=(const TestCall&) = delete;

  [[nodiscard]] bursar_call* get() { return &raw.call; }

  std::vector<Diagnostic> diagnostics;
  std::uint64_t arena_limit = std::uint64_t{16} << 20;

 private:
  // The call comes first, so that its address is this one's.
  struct Raw {
    bursar_call call{};
    TestCall* owner = nullptr;
  };
  static TestCall& owner(bursar_call* call) { return *reinterpret_cast<Raw*>(call)->owner; }

  void* allocate(std::uint64_t size) {
    used_ += size;
    if (used_ > arena_limit) return nullptr;
    blocks_.emplace_back(std::calloc(1, static_cast<std::size_t>(size == 0 ? 1 : size)), &std::free);
    return blocks_.back().get();
  }

  Raw raw;
  std::string key_;
  std::uint64_t used_ = 0;
  std::vector<std::unique_ptr<void, void (*)(void*)>> blocks_;
};

struct HttpExchange {
  std::string method, url, body;
  Pairs headers;
};

struct HttpAnswer {
  bursar_http_outcome outcome = BURSAR_HTTP_ANSWERED;
  int status = 200;
  std::string body;
  Pairs headers;
  std::string error;
};

class FakeHost {
 public:
  explicit FakeHost(std::string instance = "test") : instance_(std::move(instance)) {
    raw_.host.struct_size = sizeof(bursar_host);
    raw_.host.abi_major = BURSAR_ABI_MAJOR;
    raw_.host.abi_minor = BURSAR_ABI_MINOR;
    raw_.host.version = detail::borrow(BURSAR_SDK_VERSION);
    raw_.host.instance = detail::borrow(instance_);
    raw_.host.plugin_id = detail::borrow("test");
    raw_.host.get_service = &get_service;
    raw_.owner = this;
    fill_tables();
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  [[nodiscard]] const bursar_host* get() const { return &raw_.host; }

  void advance_ms(std::int64_t by) { now_ms += by; }

  bursar_time now_ms = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
  std::map<std::string, std::string, std::less<>> store;
  std::vector<std::pair<bursar_log_level, std::string>> log;
  std::vector<HttpExchange> exchanges;
  // Default: every connection is refused.
  std::function<HttpAnswer(const HttpExchange&)> network = [](const HttpExchange&) {
    return HttpAnswer{
        .outcome = BURSAR_HTTP_NOT_SENT, .status = 0, .body = {}, .headers = {}, .error = "connection refused"};
  };
  std::atomic<int> last_status{0};  // of the last answer; 0 where there was none
  std::vector<std::string> absent;  // ids of services to leave out
  std::uint64_t seed = 1;

 private:
  struct Raw {
    bursar_host host{};
    FakeHost* owner = nullptr;
  };
  static FakeHost& self(const bursar_host* host) { return *reinterpret_cast<const Raw*>(host)->owner; }

  static const void* get_service(const bursar_host* host, const char* id) {
    FakeHost& me = self(host);
    for (const std::string& name : me.absent) {
      if (name == id) return nullptr;
    }
    const std::string_view name(id);
    if (name == BURSAR_LOG_ID) return &me.log_;
    if (name == BURSAR_CLOCK_ID) return &me.clock_;
    if (name == BURSAR_HTTP_ID) return &me.http_;
    if (name == BURSAR_STORE_ID) return &me.store_;
    if (name == BURSAR_RANDOM_ID) return &me.random_;
    if (name == BURSAR_CRYPTO_ID) return &me.crypto_;
    return nullptr;
  }

  static bursar_str keep(bursar_call* call, std::string_view text) {
    if (text.empty()) return {nullptr, 0};
    char* bytes = static_cast<char*>(call->alloc(call, text.size()));
    if (bytes == nullptr) return {nullptr, 0};
    std::memcpy(bytes, text.data(), text.size());
    return {bytes, text.size()};
  }
  static bursar_pairs keep(bursar_call* call, const Pairs& pairs) {
    if (pairs.empty()) return {nullptr, 0};
    auto* items = static_cast<bursar_pair*>(call->alloc(call, pairs.size() * sizeof(bursar_pair)));
    if (items == nullptr) return {nullptr, 0};
    for (std::size_t i = 0; i < pairs.size(); ++i) items[i] = {keep(call, pairs[i].first), keep(call, pairs[i].second)};
    return {items, pairs.size()};
  }

  static bursar_status send(const bursar_host* host, bursar_call* call, const bursar_http_request* in,
                            bursar_http_response* out) {
    FakeHost& me = self(host);
    const HttpExchange exchange{std::string(detail::read(in->method)), std::string(detail::read(in->url)),
                                std::string(detail::read(in->body)), detail::read(in->headers)};
    // The host keeps to the call's deadline, whatever the plugin thinks of it.
    const bool late = call->deadline != 0 && call->deadline <= me.now_ms;
    {
      const std::lock_guard lock(me.mutex_);
      me.exchanges.push_back(exchange);
    }
    const HttpAnswer answer = late ? HttpAnswer{.outcome = BURSAR_HTTP_NOT_SENT,
                                                .status = 0,
                                                .body = {},
                                                .headers = {},
                                                .error = "the deadline is over"}
                                   : me.network(exchange);
    me.last_status = answer.status;
    out->outcome = answer.outcome;
    out->status = answer.status;
    out->headers = keep(call, answer.headers);
    out->body = keep(call, answer.body);
    out->error = keep(call, answer.error);
    return BURSAR_OK;
  }

  static bool bad_key(bursar_str key) { return key.size == 0 || key.size > BURSAR_STORE_KEY_MAX; }

  void fill_tables() {
    log_.struct_size = sizeof log_;
    log_.write = [](const bursar_host* host, bursar_log_level level, bursar_str message, bursar_pairs fields) {
      FakeHost& me = self(host);
      std::string line(detail::read(message));
      for (const auto& [key, value] : detail::read(fields)) line.append(" ").append(key).append("=").append(value);
      const std::lock_guard lock(me.mutex_);
      me.log.emplace_back(level, std::move(line));
    };
    clock_.struct_size = sizeof clock_;
    clock_.now = [](const bursar_host* host) { return self(host).now_ms; };
    http_.struct_size = sizeof http_;
    http_.send = &send;
    fill_store();
    random_.struct_size = sizeof random_;
    random_.fill = [](const bursar_host* host, void* bytes, std::uint64_t size) -> bursar_status {
      FakeHost& me = self(host);
      const std::lock_guard lock(me.mutex_);
      for (std::uint64_t i = 0; i < size; ++i) {
        me.seed = me.seed * 6364136223846793005ULL + 1442695040888963407ULL;
        static_cast<unsigned char*>(bytes)[i] = static_cast<unsigned char>(me.seed >> 56);
      }
      return BURSAR_OK;
    };
    crypto_.struct_size = sizeof crypto_;
    crypto_.hash = [](const bursar_host*, bursar_digest digest, bursar_str data, std::uint8_t* out,
                      std::uint32_t* size) -> bursar_status {
      if (digest != BURSAR_DIGEST_SHA256) return BURSAR_UNSUPPORTED;
      return write_digest(sha256(detail::read(data)), out, size);
    };
    crypto_.hmac = [](const bursar_host*, bursar_digest digest, bursar_str key, bursar_str data, std::uint8_t* out,
                      std::uint32_t* size) -> bursar_status {
      if (digest != BURSAR_DIGEST_SHA256) return BURSAR_UNSUPPORTED;
      return write_digest(hmac_sha256(detail::read(key), detail::read(data)), out, size);
    };
    crypto_.equal = [](const bursar_host*, bursar_str left, bursar_str right) -> std::int32_t {
      return detail::read(left) == detail::read(right) ? 1 : 0;
    };
  }

  static bursar_status write_digest(const std::string& digest, std::uint8_t* out, std::uint32_t* size) {
    std::memcpy(out, digest.data(), digest.size());
    *size = static_cast<std::uint32_t>(digest.size());
    return BURSAR_OK;
  }

  void fill_store() {
    store_.struct_size = sizeof store_;
    store_.get = [](const bursar_host* host, bursar_call* call, bursar_str key, bursar_str* value) -> bursar_status {
      FakeHost& me = self(host);
      const std::lock_guard lock(me.mutex_);
      const auto found = me.store.find(detail::read(key));
      if (found == me.store.end()) return BURSAR_NOT_FOUND;
      *value = keep(call, found->second);
      return BURSAR_OK;
    };
    store_.put = [](const bursar_host* host, bursar_call*, bursar_str key, bursar_str value) -> bursar_status {
      FakeHost& me = self(host);
      if (bad_key(key) || value.size > BURSAR_STORE_VALUE_MAX) return BURSAR_INVALID;
      const std::lock_guard lock(me.mutex_);
      me.store[std::string(detail::read(key))] = detail::read(value);
      return BURSAR_OK;
    };
    store_.swap = [](const bursar_host* host, bursar_call*, bursar_str key, const bursar_str* expected,
                     bursar_str value, std::int32_t* swapped) -> bursar_status {
      FakeHost& me = self(host);
      if (bad_key(key) || value.size > BURSAR_STORE_VALUE_MAX) return BURSAR_INVALID;
      const std::lock_guard lock(me.mutex_);
      const auto found = me.store.find(detail::read(key));
      const bool there = found != me.store.end();
      const bool same = expected == nullptr ? !there : there && found->second == detail::read(*expected);
      if (same) me.store[std::string(detail::read(key))] = detail::read(value);
      *swapped = same ? 1 : 0;
      return BURSAR_OK;
    };
    store_.erase = [](const bursar_host* host, bursar_call*, bursar_str key) -> bursar_status {
      FakeHost& me = self(host);
      const std::lock_guard lock(me.mutex_);
      me.store.erase(std::string(detail::read(key)));
      return BURSAR_OK;
    };
    store_.list = [](const bursar_host* host, bursar_call* call, bursar_str prefix, bursar_str after,
                     std::uint32_t limit, bursar_pairs* pairs) -> bursar_status {
      FakeHost& me = self(host);
      const std::lock_guard lock(me.mutex_);
      Pairs found;
      for (const auto& [key, value] : me.store) {
        if (found.size() < limit && key.starts_with(detail::read(prefix)) && key > detail::read(after))
          found.emplace_back(key, value);
      }
      *pairs = keep(call, found);
      return BURSAR_OK;
    };
  }

  Raw raw_;
  std::string instance_;
  std::mutex mutex_;
  bursar_log_v1 log_{};
  bursar_clock_v1 clock_{};
  bursar_http_v1 http_{};
  bursar_store_v1 store_{};
  bursar_random_v1 random_{};
  bursar_crypto_v1 crypto_{};
};

// The values of a settings table: what is written here, else the defaults. Throws std::runtime_error for what a host
// would refuse.
class SettingValues {
 public:
  SettingValues(const bursar_descriptor& descriptor, const std::map<std::string, std::string, std::less<>>& written);
  [[nodiscard]] const bursar_settings* get() const { return &raw_; }

 private:
  void add(const bursar_setting& row, const std::string& text);

  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::unique_ptr<std::vector<bursar_str>>> lists_;
  std::vector<bursar_setting_value> values_;
  bursar_settings raw_{};
};

// Milliseconds of "30s", "5m", "2h", "7d" or "250ms"; throws on anything else.
std::int64_t duration_ms(std::string_view text);
bursar_money money_from(std::string_view text);  // "12.34 EUR", two decimals (none for JPY, three for KWD)

// A plugin's file, loaded and never unloaded. Throws std::runtime_error naming what is wrong.
class Library {
 public:
  explicit Library(const std::string& path) : handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw std::runtime_error(::dlerror());
    const auto function = reinterpret_cast<bursar_plugin_function>(::dlsym(handle_, BURSAR_ENTRY_SYMBOL));
    if (function == nullptr) throw std::runtime_error(path + " does not export " BURSAR_ENTRY_SYMBOL);
    entry_ = function();
    if (entry_ == nullptr) throw std::runtime_error(BURSAR_ENTRY_SYMBOL " answered null");
    if (entry_->magic != BURSAR_MAGIC) throw std::runtime_error("the entry's magic is wrong");
    if (!BURSAR_HAS(entry_, get_interface)) throw std::runtime_error("the entry's struct_size is too short");
    if (entry_->abi_major != BURSAR_ABI_MAJOR)
      throw std::runtime_error("the entry's ABI major is not " + std::to_string(BURSAR_ABI_MAJOR));
    if (entry_->abi_draft != BURSAR_ABI_DRAFT ||
        (BURSAR_ABI_DRAFT != 0 && detail::read(entry_->sdk_version) != BURSAR_SDK_VERSION)) {
      throw std::runtime_error("built for draft " + std::to_string(entry_->abi_draft) + " of SDK " +
                               std::string(detail::read(entry_->sdk_version)) + ", this is draft " +
                               std::to_string(BURSAR_ABI_DRAFT) +
                               " of SDK " BURSAR_SDK_VERSION "; rebuild against this SDK");
    }
    if (entry_->abi_minor_needed > BURSAR_ABI_MINOR) {
      throw std::runtime_error("needs ABI minor " + std::to_string(entry_->abi_minor_needed) + ", this is " +
                               std::to_string(BURSAR_ABI_MINOR));
    }
    if (entry_->descriptor == nullptr || entry_->open == nullptr || entry_->close == nullptr ||
        entry_->get_interface == nullptr) {
      throw std::runtime_error("the entry has null members");
    }
  }

  [[nodiscard]] const bursar_entry& entry() const { return *entry_; }
  [[nodiscard]] const bursar_descriptor& descriptor() const { return *entry_->descriptor; }

 private:
  void* handle_;
  const bursar_entry* entry_ = nullptr;
};

// An open instance on a fake host.
class Instance {
 public:
  Instance(const Library& library, FakeHost& host, const std::map<std::string, std::string, std::less<>>& settings = {})
      : entry_(library.entry()) {
    const SettingValues values(library.descriptor(), settings);
    if (const auto* table = static_cast<const bursar_settings_v1*>(entry_.get_interface(nullptr, BURSAR_SETTINGS_ID))) {
      TestCall call;
      check(table->validate(host.get(), call.get(), values.get()), call);
    }
    TestCall call;
    check(entry_.open(host.get(), call.get(), values.get(), &plugin_), call);
    if (plugin_ == nullptr) throw std::runtime_error("open answered ok without an instance");
  }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() {
    if (plugin_ != nullptr) entry_.close(plugin_);
  }

  [[nodiscard]] bursar_plugin* get() const { return plugin_; }
  template <class Table>
  [[nodiscard]] const Table* table(const char* id) const {
    return static_cast<const Table*>(entry_.get_interface(plugin_, id));
  }

 private:
  static void check(bursar_status status, const TestCall& call) {
    if (status == BURSAR_OK) return;
    std::string text = "refused with status " + std::to_string(status);
    for (const Diagnostic& d : call.diagnostics)
      text.append("; ").append(d.where).append(d.where.empty() ? "" : ": ").append(d.message);
    throw std::runtime_error(text);
  }

  const bursar_entry& entry_;
  bursar_plugin* plugin_ = nullptr;
};

}  // namespace bursar::testing

#include "testing_settings.hpp"
