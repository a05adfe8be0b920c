// Small value types, the errors a plugin may throw, and the conversions between them and the ABI.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/entry.h"

// The major of the ABI in the namespace keeps plugins of two SDK majors apart in one process.
#define BURSAR_SDK_BEGIN \
  namespace bursar {     \
  inline namespace sdk1 {
#define BURSAR_SDK_END \
  }                    \
  }

// Reads a field of a struct the host made, or a zero value where an older host's struct ends before it.
#define BURSAR_READ(s, field) \
  (BURSAR_HAS(s, field) ? ::bursar::detail::read((s)->field) : decltype(::bursar::detail::read((s)->field)){})
// Writes a field of a struct the host made, if it is there.
#define BURSAR_WRITE(s, field, value)               \
  do {                                              \
    if (BURSAR_HAS(s, field)) (s)->field = (value); \
  } while (false)

BURSAR_SDK_BEGIN

// Minor units of an ISO 4217 currency; an empty currency means that there is no amount.
struct Money {
  std::int64_t minor = 0;
  std::string currency;

  [[nodiscard]] bool present() const { return !currency.empty(); }
  friend bool operator==(const Money&, const Money&) = default;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

// When trying again may help; see abi/call.h.
enum class Retry : std::int32_t { unknown = 0, never = 1, later = 2, after_fix = 3 };

// Ends a call with a status and a diagnostic. On an operation that acts, the outcome is then unknown.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message, Retry retry = Retry::unknown, bursar_status status = BURSAR_ERROR)
      : std::runtime_error(message), code_(std::move(code)), retry_(retry), status_(status) {}
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;
  ~Error() override = default;

  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] Retry retry() const { return retry_; }
  [[nodiscard]] bursar_status status() const { return status_; }

 protected:
  std::string where_;

 private:
  std::string code_;
  Retry retry_;
  bursar_status status_;
};

// A setting that cannot be accepted; thrown by constructors and `validate`.
class BadSetting final : public Error {
 public:
  BadSetting(std::string key, const std::string& message)
      : Error("bad_setting", message, Retry::after_fix, BURSAR_INVALID) {
    where_ = std::move(key);
  }
};

// Certain that the provider did nothing. Only throw it where that is so; the Http client does by itself.
class NotAttempted final : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The provider may or may not have acted. What every failure after the request left means.
class OutcomeUnknown final : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

inline std::string_view read(const bursar_str& text) {
  return text.data == nullptr ? std::string_view{} : std::string_view(text.data, static_cast<std::size_t>(text.size));
}
inline Money read(const bursar_money& money) {
  return {money.minor, std::string(money.currency, strnlen(money.currency, sizeof money.currency))};
}
inline Pairs read(const bursar_pairs& pairs) {
  Pairs out;
  out.reserve(static_cast<std::size_t>(pairs.count));
  for (std::uint64_t i = 0; i < pairs.count; ++i)
    out.emplace_back(read(pairs.items[i].key), read(pairs.items[i].value));
  return out;
}
inline std::vector<std::string> read(const bursar_strs& texts) {
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(texts.count));
  for (std::uint64_t i = 0; i < texts.count; ++i) out.emplace_back(read(texts.items[i]));
  return out;
}
inline std::int64_t read(std::int64_t value) { return value; }
inline std::int32_t read(std::int32_t value) { return value; }
inline std::uint32_t read(std::uint32_t value) { return value; }

// Borrows: the text must outlive the use.
inline bursar_str borrow(std::string_view text) { return {text.data(), text.size()}; }

inline bursar_money to_abi(const Money& money) {
  bursar_money out{};
  if (money.currency.size() >= sizeof out.currency) throw std::length_error("a currency code is too long");
  out.minor = money.minor;
  std::memcpy(out.currency, money.currency.data(), money.currency.size());
  return out;
}

}  // namespace detail
BURSAR_SDK_END
