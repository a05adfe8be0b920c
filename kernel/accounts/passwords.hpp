// Passwords as argon2id strings (libsodium, INTERACTIVE cost: 64 MiB for about 0.1 s). Because each computation takes
// that much memory, only a few run at once; a caller that would have to wait too long is turned away, so that a flood
// of logins exhausts neither memory nor the request pool.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace bursar::accounts {

enum class PasswordCost {
  interactive,
  lowest,  // tests and demo data only
};

class PasswordHasher {
 public:
  explicit PasswordHasher(PasswordCost cost = PasswordCost::interactive, int parallel = 2, int waiting = 32);
  ~PasswordHasher();

  // Errors: unavailable "hashing_busy" when too many wait already.
  Result<std::string> hash(const Secret& password);
  Result<bool> verify(std::string_view stored_hash, const Secret& password);
  // Takes as long as verify(): for an email nobody has, so that time does not tell.
  Result<bool> verify_nobody(const Secret& password);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// 8 to 1024 bytes of UTF-8.
Status check_new_password(const Secret& password);

}  // namespace bursar::accounts
