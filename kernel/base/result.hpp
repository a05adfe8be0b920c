// Expected failures as values.
//
// A function that can fail for a reason its caller must handle (bad input, a conflict, a missing object, a
// service that is down) answers Result<T>. Exceptions are left for "cannot go on with this request or job step"
// and are caught at the HTTP, job and plugin edges. Never use Result for a broken invariant of ours: that is
// BURSAR_ASSERT (assert.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.hpp"

namespace bursar {

// What kind of failure it is; each edge maps it once (HTTP status, exit code).
enum class ErrorKind {
  invalid,              // 422: the input is understood and wrong
  malformed,            // 400: the input could not even be read
  unauthenticated,      // 401
  forbidden,            // 403
  not_found,            // 404: absent, or the caller may not know of it
  conflict,             // 409: the present state does not allow it
  precondition_failed,  // 412: lost update
  too_many_requests,    // 429
  unavailable,          // 503: try again later
  internal,             // 500
};

// Whether trying the same thing again can help.
enum class Retry { never, later, after_fix };

// One bad field. `pointer` is an RFC 6901 JSON pointer ("/lines/0/amount") or a place ("bursar.yaml:12:5").
struct FieldError {
  std::string pointer;
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string code;    // stable, snake_case, for programs: "amount_has_too_many_digits"
  std::string detail;  // one sentence for a person: what is wrong and where
  std::string cure = {};
  std::vector<FieldError> fields = {};
  Retry retry = Retry::never;
  std::int64_t retry_after_seconds = 0;  // 0: not said; the HTTP edge sends it as Retry-After
};

[[nodiscard]] inline Error invalid(std::string code, std::string detail, std::vector<FieldError> fields = {}) {
  return {
      .kind = ErrorKind::invalid, .code = std::move(code), .detail = std::move(detail), .fields = std::move(fields)};
}
[[nodiscard]] inline Error not_found(std::string code, std::string detail) {
  return {.kind = ErrorKind::not_found, .code = std::move(code), .detail = std::move(detail)};
}
[[nodiscard]] inline Error conflict(std::string code, std::string detail) {
  return {.kind = ErrorKind::conflict, .code = std::move(code), .detail = std::move(detail)};
}

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & {
    BURSAR_ASSERT(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] const T& value() const& {
    BURSAR_ASSERT(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && {
    BURSAR_ASSERT(ok());
    return std::get<0>(std::move(state_));
  }
  [[nodiscard]] const Error& error() const& {
    BURSAR_ASSERT(!ok());
    return std::get<1>(state_);
  }
  [[nodiscard]] Error&& error() && {
    BURSAR_ASSERT(!ok());
    return std::get<1>(std::move(state_));
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  void value() const { BURSAR_ASSERT(ok()); }
  [[nodiscard]] const Error& error() const& {
    BURSAR_ASSERT(!ok());
    return *error_;
  }
  [[nodiscard]] Error&& error() && {
    BURSAR_ASSERT(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace bursar

// BURSAR_TRY(name, expr): binds the value of a Result to `name`, or returns its error from the function.
// BURSAR_CHECK(expr): the same for a Status.
#define BURSAR_TRY_CONCAT2(a, b) a##b
#define BURSAR_TRY_CONCAT(a, b) BURSAR_TRY_CONCAT2(a, b)
#define BURSAR_TRY_IMPL(tmp, name, ...)         \
  auto tmp = (__VA_ARGS__);                     \
  if (!tmp.ok()) return std::move(tmp).error(); \
  auto name = std::move(tmp).value()
#define BURSAR_TRY(name, ...) BURSAR_TRY_IMPL(BURSAR_TRY_CONCAT(bursar_try_, __LINE__), name, __VA_ARGS__)
#define BURSAR_CHECK_IMPL(tmp, ...) \
  if (auto tmp = (__VA_ARGS__); !tmp.ok()) return std::move(tmp).error()
#define BURSAR_CHECK(...) BURSAR_CHECK_IMPL(BURSAR_TRY_CONCAT(bursar_check_, __LINE__), __VA_ARGS__)
