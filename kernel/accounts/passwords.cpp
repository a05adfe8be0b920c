#include "accounts/passwords.hpp"

#include <sodium.h>

#include <array>
#include <condition_variable>
#include <mutex>

#include "accounts/fields.hpp"
#include "base/assert.hpp"

namespace bursar::accounts {

namespace {

constexpr std::size_t shortest_password = 8;
constexpr std::size_t longest_password = 1024;  // bounds the work one request can ask for

std::string compute_hash(std::string_view password, unsigned long long operations, std::size_t memory) {
  std::array<char, crypto_pwhash_STRBYTES> out{};
  // Fails for want of memory only.
  if (crypto_pwhash_str(out.data(), password.data(), password.size(), operations, memory) != 0) throw std::bad_alloc();
  return out.data();
}

}  // namespace

struct PasswordHasher::State {
  unsigned long long operations = 0;
  std::size_t memory = 0;
  int free = 0;
  int may_wait = 0;
  std::mutex mutex;
  std::condition_variable freed;

  // Runs `work` while holding one of the few places; false: too many wait already.
  template <class Work>
  bool in_turn(Work&& work) {
    {
      std::unique_lock lock(mutex);
      if (free == 0) {
        if (may_wait == 0) return false;
        --may_wait;
        freed.wait(lock, [this] { return free > 0; });
        ++may_wait;
      }
      --free;
    }
    struct Release {
      State& state;
      ~Release() {
        {
          const std::lock_guard lock(state.mutex);
          ++state.free;
        }
        state.freed.notify_one();
      }
    } release{*this};
    work();
    return true;
  }
};

namespace {
Error busy() {
  return {.kind = ErrorKind::unavailable,
          .code = "hashing_busy",
          .detail = "Too many password checks are under way.",
          .cure = "Try again in a moment.",
          .retry = Retry::later,
          .retry_after_seconds = 2};
}
}  // namespace

PasswordHasher::PasswordHasher(PasswordCost cost, int parallel, int waiting) : state_(std::make_unique<State>()) {
  BURSAR_ASSERT(sodium_init() >= 0);
  const bool lowest = cost == PasswordCost::lowest;
  state_->operations = lowest ? crypto_pwhash_OPSLIMIT_MIN : crypto_pwhash_OPSLIMIT_INTERACTIVE;
  state_->memory = lowest ? crypto_pwhash_MEMLIMIT_MIN : crypto_pwhash_MEMLIMIT_INTERACTIVE;
  state_->free = parallel;
  state_->may_wait = waiting;
}

PasswordHasher::~PasswordHasher() = default;

Result<std::string> PasswordHasher::hash(const Secret& password) {
  std::string out;
  if (!state_->in_turn([&] { out = compute_hash(password.reveal(), state_->operations, state_->memory); })) {
    return busy();
  }
  return out;
}

Result<bool> PasswordHasher::verify(std::string_view stored_hash, const Secret& password) {
  const std::string stored(stored_hash);
  bool same = false;
  const auto check = [&] {
    const auto text = password.reveal();
    same = text.size() <= longest_password && crypto_pwhash_str_verify(stored.c_str(), text.data(), text.size()) == 0;
  };
  if (!state_->in_turn(check)) return busy();
  return same;
}

Result<bool> PasswordHasher::verify_nobody(const Secret& password) {
  // To hash is the computation of to verify, and needs no stored hash, which would cost every start of a command 64
  // MiB.
  const auto compute = [&] {
    const auto text = password.reveal();
    if (text.size() <= longest_password) compute_hash(text, state_->operations, state_->memory);
  };
  if (!state_->in_turn(compute)) return busy();
  return false;
}

Status check_new_password(const Secret& password) {
  const auto text = password.reveal();
  if (text.size() < shortest_password)
    return invalid("password_too_short", "The password needs at least 8 characters.");
  if (text.size() > longest_password) return invalid("password_too_long", "The password has more than 1024 bytes.");
  if (!is_valid_utf8(text)) return invalid("password_not_utf8", "The password must be valid UTF-8.");
  return {};
}

}  // namespace bursar::accounts
