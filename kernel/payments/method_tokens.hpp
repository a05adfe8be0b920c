// The tokens of saved methods as they are stored: sealed, and found by a lookup beside them. Internal to payments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/vault.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

struct StoredToken {
  std::string sealed;  // payment_methods.token
  std::string lookup;  // payment_methods.token_lookup
};
StoredToken stored_token(const Vault& vault, PaymentMethodId id, std::string_view token);
// `sealed` as it stands with the method. Empty: it was wiped. Throws VaultError.
std::string open_token(const Vault& vault, PaymentMethodId id, std::string_view sealed);

struct ActiveMethod {
  PaymentMethodId id;
  AccountId account;
  std::int64_t position = 0;
  std::optional<Instant> told_at;
};
// The active methods of this token of the gateway's, of every account, by id.
std::vector<ActiveMethod> active_methods_with(storage::Connection& c, const Vault& vault, const std::string& gateway,
                                              std::string_view token);

}  // namespace bursar::payments
