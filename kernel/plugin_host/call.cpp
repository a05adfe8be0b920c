#include "plugin_host/call.hpp"

#include <cstring>
#include <new>

#include "plugin_host/scrubber.hpp"
#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

constexpr std::size_t block_size = 16 * 1024;
constexpr std::size_t diagnostics_max = 50;

}  // namespace

void* Arena::allocate(std::uint64_t size) {
  constexpr std::size_t alignment = alignof(std::max_align_t);
  if (size > limit) return nullptr;
  const std::size_t whole =
      (std::max<std::size_t>(static_cast<std::size_t>(size), 1) + alignment - 1) / alignment * alignment;
  if (whole > limit - used_) return nullptr;
  if (whole > left_) {
    const auto bytes = std::max(whole, block_size);
    blocks_.push_back(std::make_unique<std::byte[]>(bytes));  // zeroed
    next_ = blocks_.back().get();
    left_ = bytes;
  }
  void* memory = next_;
  next_ += whole;
  left_ -= whole;
  used_ += whole;
  return memory;
}

bursar_str Arena::copy(std::string_view text) {
  auto* memory = static_cast<char*>(allocate(text.size()));
  if (memory == nullptr) return {nullptr, 0};
  std::memcpy(memory, text.data(), text.size());
  return {memory, text.size()};
}

Call::Call(std::string idempotency_key, std::string trace_id, SteadyTime ends)
    : bursar_call(), key_(std::move(idempotency_key)), trace_(std::move(trace_id)), ends_(ends) {
  struct_size = sizeof(bursar_call);
  this->idempotency_key = lend(key_);
  this->trace_id = lend(trace_);
  alloc = &Call::allocate;
  report = &Call::note;
}

void Call::start(bursar_time now_ms) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(ends_ - std::chrono::steady_clock::now());
  deadline = now_ms + left.count();
}

void* Call::allocate(bursar_call* call, std::uint64_t size) noexcept {
  try {
    return of(call).arena_.allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

bursar_status Call::note(bursar_call* call, bursar_status status, const bursar_diagnostic* diagnostic) noexcept {
  auto& self = of(call);
  if (diagnostic == nullptr || !BURSAR_HAS(diagnostic, where) || self.diagnostics_.size() >= diagnostics_max)
    return status;
  try {
    self.diagnostics_.push_back({diagnostic->severity, diagnostic->retry, presentable(peek(diagnostic->code), 100),
                                 presentable(self.without_hidden(peek(diagnostic->message)), 1000),
                                 presentable(peek(diagnostic->where), 100)});
  } catch (const std::bad_alloc&) {
    return status;  // a diagnostic less is better than an exception in the plugin
  }
  return status;
}

std::string Call::without_hidden(std::string_view text) const {
  Scrubber scrubber;
  scrubber.add(hidden_.reveal());
  return scrubber.scrub(text);
}

std::string Call::errors() const {
  std::string text;
  for (const auto& diagnostic : diagnostics_) {
    if (diagnostic.severity == BURSAR_SEVERITY_INFO || diagnostic.severity == BURSAR_SEVERITY_WARNING) continue;
    if (!text.empty()) text += " ";
    if (!diagnostic.where.empty()) text += diagnostic.where + ": ";
    text += diagnostic.message.empty() ? diagnostic.code : diagnostic.message;
  }
  return text;
}

}  // namespace bursar::plugin_host
