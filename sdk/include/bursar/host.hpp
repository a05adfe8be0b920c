// The call and the host, as a plugin's methods see them.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <new>
#include <optional>

#include "values.hpp"

BURSAR_SDK_BEGIN

using Milliseconds = std::chrono::milliseconds;
// UTC; the host's clock service is the only source.
using Time = std::chrono::time_point<std::chrono::system_clock, Milliseconds>;

namespace detail {
inline bursar_time to_abi(std::optional<Time> time) { return time ? time->time_since_epoch().count() : 0; }
inline std::optional<Time> time_from(bursar_time time) {
  return time == 0 ? std::nullopt : std::optional<Time>(Time(Milliseconds(time)));
}
}  // namespace detail

// One request of the host. Valid until the method returns.
class Call {
 public:
  explicit Call(bursar_call* call) : call_(call) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  [[nodiscard]] std::string_view idempotency_key() const { return BURSAR_READ(call_, idempotency_key); }
  [[nodiscard]] std::string_view trace_id() const { return BURSAR_READ(call_, trace_id); }
  [[nodiscard]] std::optional<Time> deadline() const { return detail::time_from(BURSAR_READ(call_, deadline)); }

  // Adds a diagnostic; `where` is a settings key or a request field.
  void report(bursar_severity severity, std::string_view code, std::string_view message, std::string_view where = {},
              Retry retry = Retry::unknown) {
    bursar_diagnostic diagnostic{};
    diagnostic.struct_size = sizeof diagnostic;
    diagnostic.severity = severity;
    diagnostic.retry = static_cast<bursar_retry>(retry);
    diagnostic.code = detail::borrow(code);
    diagnostic.message = detail::borrow(message);
    diagnostic.where = detail::borrow(where);
    call_->report(call_, BURSAR_OK, &diagnostic);
  }
  void warn(std::string_view code, std::string_view message, std::string_view where = {}) {
    report(BURSAR_SEVERITY_WARNING, code, message, where);
  }

  // Copies into the call's arena, where results live.
  bursar_str keep(std::string_view text) {
    if (text.empty()) return {nullptr, 0};
    char* bytes = static_cast<char*>(allocate(text.size()));
    std::memcpy(bytes, text.data(), text.size());
    return {bytes, text.size()};
  }
  bursar_pairs keep(const Pairs& pairs) {
    if (pairs.empty()) return {nullptr, 0};
    bursar_pair* items = array<bursar_pair>(pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) items[i] = {keep(pairs[i].first), keep(pairs[i].second)};
    return {items, pairs.size()};
  }
  template <class T>
  T* array(std::size_t count) {
    return static_cast<T*>(allocate(count * sizeof(T)));
  }

  [[nodiscard]] bursar_call* raw() { return call_; }

  // Set once a request that may have acted left for the provider: from then on nothing is "not attempted" any more.
  void mark_acted() { acted_ = true; }
  [[nodiscard]] bool acted() const { return acted_; }

 private:
  void* allocate(std::size_t size) {
    void* bytes = call_->alloc(call_, size);
    if (bytes == nullptr) throw std::bad_alloc();
    return bytes;
  }

  bursar_call* call_;
  bool acted_ = false;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url{};
  Pairs headers{};
  std::string body{};
  Milliseconds timeout{0};  // 0: until the call's deadline
  // The request moves no money and makes nothing, though it is no GET (fetching an access token).
  bool harmless = false;
  std::string ca_pem{};
  std::string pinned_sha256{};
};

struct HttpResponse {
  int status = 0;
  Pairs headers;  // names in lower case
  std::string body;

  [[nodiscard]] std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
};

// Bytes as lower-case hexadecimal digits, the way most providers write signatures.
inline std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

// The instance's host and its services. Copyable; valid as long as the instance.
class Host {
 public:
  explicit Host(const bursar_host* host) : host_(host) {
    find(log_, BURSAR_LOG_ID);
    find(clock_, BURSAR_CLOCK_ID);
    find(http_, BURSAR_HTTP_ID);
    find(store_, BURSAR_STORE_ID);
    find(random_, BURSAR_RANDOM_ID);
    find(crypto_, BURSAR_CRYPTO_ID);
  }

  [[nodiscard]] std::string_view instance() const { return BURSAR_READ(host_, instance); }
  [[nodiscard]] std::string_view version() const { return BURSAR_READ(host_, version); }

  void log(bursar_log_level level, std::string_view message, const Pairs& fields = {}) const {
    if (log_ == nullptr) return;
    std::vector<bursar_pair> pairs;
    for (const auto& [key, value] : fields) pairs.push_back({detail::borrow(key), detail::borrow(value)});
    log_->write(host_, level, detail::borrow(message), {pairs.data(), pairs.size()});
  }

  [[nodiscard]] Time now() const { return Time(Milliseconds(need(clock_, BURSAR_CLOCK_ID)->now(host_))); }

  // Sends, and throws unless a whole answer came: NotAttempted when it is certain that the provider saw nothing of this
  // call, OutcomeUnknown otherwise. Any HTTP status is an answer. A plugin that lets these pass gets the right outcome.
  HttpResponse http(Call& call, const HttpRequest& request) const {
    const bursar_http_v1* service = need(http_, BURSAR_HTTP_ID);
    std::vector<bursar_pair> headers;
    for (const auto& [key, value] : request.headers) headers.push_back({detail::borrow(key), detail::borrow(value)});
    bursar_http_request out{};
    out.struct_size = sizeof out;
    out.method = detail::borrow(request.method);
    out.url = detail::borrow(request.url);
    out.headers = {headers.data(), headers.size()};
    out.body = detail::borrow(request.body);
    out.timeout_ms = request.timeout.count();
    out.ca_pem = detail::borrow(request.ca_pem);
    out.pinned_sha256 = detail::borrow(request.pinned_sha256);
    bursar_http_response in{};
    in.struct_size = sizeof in;
    const bursar_status status = service->send(host_, call.raw(), &out, &in);
    const bool acts = !request.harmless && request.method != "GET" && request.method != "HEAD";
    const bool sent = status == BURSAR_OK ? in.outcome != BURSAR_HTTP_NOT_SENT : status != BURSAR_INVALID;
    if (acts && sent) call.mark_acted();
    if (status == BURSAR_OK && in.outcome == BURSAR_HTTP_ANSWERED) {
      return {in.status, detail::read(in.headers), std::string(detail::read(in.body))};
    }
    const std::string why =
        in.error.size != 0 ? std::string(detail::read(in.error)) : "no answer from " + host_of(request.url);
    if (call.acted() || (sent && acts)) throw OutcomeUnknown(why);
    throw NotAttempted(why);
  }

  [[nodiscard]] std::optional<std::string> store_get(Call& call, std::string_view key) const {
    bursar_str value{};
    const bursar_status status = need(store_, BURSAR_STORE_ID)->get(host_, call.raw(), detail::borrow(key), &value);
    if (status == BURSAR_NOT_FOUND) return std::nullopt;
    check(status, "read the store");
    return std::string(detail::read(value));
  }
  void store_put(Call& call, std::string_view key, std::string_view value) const {
    check(need(store_, BURSAR_STORE_ID)->put(host_, call.raw(), detail::borrow(key), detail::borrow(value)),
          "write the store");
  }
  // Writes only if what is there equals `expected` (nullopt: nothing is there); tells whether it wrote.
  [[nodiscard]] bool store_swap(Call& call, std::string_view key, const std::optional<std::string>& expected,
                                std::string_view value) const {
    bursar_str before{};
    if (expected) before = detail::borrow(*expected);
    std::int32_t swapped = 0;
    check(need(store_, BURSAR_STORE_ID)
              ->swap(host_, call.raw(), detail::borrow(key), expected ? &before : nullptr, detail::borrow(value),
                     &swapped),
          "write the store");
    return swapped != 0;
  }
  void store_erase(Call& call, std::string_view key) const {
    check(need(store_, BURSAR_STORE_ID)->erase(host_, call.raw(), detail::borrow(key)), "write the store");
  }
  [[nodiscard]] Pairs store_list(Call& call, std::string_view prefix, std::string_view after = {},
                                 std::uint32_t limit = 100) const {
    bursar_pairs pairs{};
    check(need(store_, BURSAR_STORE_ID)
              ->list(host_, call.raw(), detail::borrow(prefix), detail::borrow(after), limit, &pairs),
          "list the store");
    return detail::read(pairs);
  }

  void random(void* bytes, std::size_t size) const {
    check(need(random_, BURSAR_RANDOM_ID)->fill(host_, bytes, size), "read random bytes");
  }

  // Raw bytes of the digest.
  [[nodiscard]] std::string hash(bursar_digest digest, std::string_view data) const {
    std::array<std::uint8_t, BURSAR_DIGEST_MAX> out{};
    std::uint32_t size = 0;
    check(need(crypto_, BURSAR_CRYPTO_ID)->hash(host_, digest, detail::borrow(data), out.data(), &size), "hash");
    return std::string(reinterpret_cast<const char*>(out.data()), size);
  }
  [[nodiscard]] std::string hmac(bursar_digest digest, std::string_view key, std::string_view data) const {
    std::array<std::uint8_t, BURSAR_DIGEST_MAX> out{};
    std::uint32_t size = 0;
    check(need(crypto_, BURSAR_CRYPTO_ID)
              ->hmac(host_, digest, detail::borrow(key), detail::borrow(data), out.data(), &size),
          "hmac");
    return std::string(reinterpret_cast<const char*>(out.data()), size);
  }
  [[nodiscard]] bool equal(std::string_view left, std::string_view right) const {
    return need(crypto_, BURSAR_CRYPTO_ID)->equal(host_, detail::borrow(left), detail::borrow(right)) != 0;
  }

  [[nodiscard]] const bursar_host* raw() const { return host_; }

 private:
  template <class T>
  void find(const T*& service, const char* id) const {
    service = static_cast<const T*>(host_->get_service(host_, id));
  }
  template <class T>
  static const T* need(const T* service, const char* id) {
    if (service == nullptr) {
      throw Error("missing_service", "the host does not offer " + std::string(id) + "; list it in `needs`",
                  Retry::after_fix);
    }
    return service;
  }
  static void check(bursar_status status, const char* what) {
    if (status != BURSAR_OK) {
      throw Error("host_service", "could not " + std::string(what) + " (status " + std::to_string(status) + ")",
                  Retry::later, status);
    }
  }
  // Scheme and host only: paths and queries may hold secrets.
  static std::string host_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    const std::size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
    return std::string(url.substr(0, std::min(url.find_first_of("/?#", start), url.size())));
  }

  const bursar_host* host_;
  const bursar_log_v1* log_ = nullptr;
  const bursar_clock_v1* clock_ = nullptr;
  const bursar_http_v1* http_ = nullptr;
  const bursar_store_v1* store_ = nullptr;
  const bursar_random_v1* random_ = nullptr;
  const bursar_crypto_v1* crypto_ = nullptr;
};

namespace detail {

// Runs a method at the edge of the plugin: nothing thrown gets out.
template <class Body>
bursar_status guarded(bursar_call* raw, const Body& body) noexcept {
  const auto report = [raw](bursar_status status, std::string_view code, std::string_view message,
                            std::string_view where, Retry retry) noexcept {
    bursar_diagnostic diagnostic{};
    diagnostic.struct_size = sizeof diagnostic;
    diagnostic.severity = BURSAR_SEVERITY_ERROR;
    diagnostic.retry = static_cast<bursar_retry>(retry);
    diagnostic.code = borrow(code);
    diagnostic.message = borrow(message);
    diagnostic.where = borrow(where);
    return raw->report(raw, status, &diagnostic);
  };
  try {
    body();
    return BURSAR_OK;
  } catch (const Error& error) {
    return report(error.status(), error.code(), error.what(), error.where(), error.retry());
  } catch (const std::bad_alloc&) {
    return report(BURSAR_OUT_OF_MEMORY, "out_of_memory", "out of memory, or of the call's arena", {}, Retry::later);
  } catch (const std::exception& error) {
    return report(BURSAR_EXCEPTION, "exception", error.what(), {}, Retry::unknown);
  } catch (...) {
    return report(BURSAR_EXCEPTION, "exception", "something was thrown that is no std::exception", {}, Retry::unknown);
  }
}

// Does asking for this operation change something at the provider? A read that could not be made tells nothing:
// unknown.
enum class Effect { acts, reads };

// As guarded, for methods with an outcome. `answer` calls the plugin and writes the result; NotAttempted and
// OutcomeUnknown become outcomes.
template <class Result, class Answer>
bursar_status guarded_outcome(bursar_call* raw, Result* out, Effect effect, std::int32_t not_attempted,
                              const Answer& answer) noexcept {
  return guarded(raw, [&] {
    Call call(raw);
    try {
      answer(call);
    } catch (const NotAttempted& why) {
      call.report(BURSAR_SEVERITY_ERROR, "not_attempted", why.what(), {}, Retry::later);
      const bool certain = effect == Effect::acts && !call.acted();
      BURSAR_WRITE(out, outcome, certain ? not_attempted : 0);
    } catch (const OutcomeUnknown& why) {
      call.report(BURSAR_SEVERITY_ERROR, "outcome_unknown", why.what(), {}, Retry::later);
      BURSAR_WRITE(out, outcome, 0);
    }
  });
}

}  // namespace detail
BURSAR_SDK_END
