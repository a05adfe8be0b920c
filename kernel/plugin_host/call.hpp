// The host's side of bursar_call: the arena that answers are allocated from, the deadline, and the diagnostics that the
// plugin reports. One call, one thread in the plugin; it must outlive the plugin's function, so whoever runs it holds
// it by shared_ptr.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "plugin_host/abi.hpp"

namespace bursar::plugin_host {

// Memory of one call, given back all at once. Not thread-safe.
class Arena {
 public:
  static constexpr std::size_t limit = std::size_t{16} * 1024 * 1024;
  // Zeroed and aligned for any type; nullptr when the limit is reached.
  void* allocate(std::uint64_t size);
  bursar_str copy(std::string_view text);  // data is nullptr when the limit is reached

 private:
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t used_ = 0;
};

struct Diagnostic {
  bursar_severity severity = BURSAR_SEVERITY_ERROR;
  bursar_retry retry = BURSAR_RETRY_UNKNOWN;
  std::string code;
  std::string message;
  std::string where;
};

class Call : public bursar_call {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;
  // `ends` is when the plugin should have answered; `now_ms` what its clock service says at this moment.
  Call(std::string idempotency_key, std::string trace_id, SteadyTime ends);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  void start(bursar_time now_ms);  // on entering the plugin

  static Call& of(bursar_call* call) { return *static_cast<Call*>(call); }
  [[nodiscard]] Arena& arena() { return arena_; }
  [[nodiscard]] SteadyTime ends() const { return ends_; }
  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }
  // A secret that this call hands to the plugin: a diagnostic that repeats it does not tell it.
  void hide(std::string_view secret) { hidden_ = Secret(std::string(secret)); }
  [[nodiscard]] std::string without_hidden(std::string_view text) const;
  // The errors in one line, or empty. Foreign text: scrub it before it goes anywhere.
  [[nodiscard]] std::string errors() const;

 private:
  static void* allocate(bursar_call* call, std::uint64_t size) noexcept;
  static bursar_status note(bursar_call* call, bursar_status status, const bursar_diagnostic* diagnostic) noexcept;
  std::string key_;
  std::string trace_;
  SteadyTime ends_;
  Arena arena_;
  std::vector<Diagnostic> diagnostics_;
  Secret hidden_;
};

}  // namespace bursar::plugin_host
