#include "payments/method_tokens.hpp"

#include <algorithm>

namespace bursar::payments {

namespace {
constexpr std::string_view column = "payment_methods.token";
}

StoredToken stored_token(const Vault& vault, PaymentMethodId id, std::string_view token) {
  return {.sealed = vault.seal({column, id}, token), .lookup = vault.lookup(column, token)};
}

std::string open_token(const Vault& vault, PaymentMethodId id, std::string_view sealed) {
  return vault.open({column, id}, sealed);
}

std::vector<ActiveMethod> active_methods_with(storage::Connection& c, const Vault& vault, const std::string& gateway,
                                              std::string_view token) {
  std::vector<ActiveMethod> out;
  for (const std::string& lookup : vault.lookups(column, token)) {
    auto rows = c.query(
        "SELECT id, account_id, position, told_at FROM payment_methods "
        "WHERE gateway = $1 AND token_lookup = $2 AND status = 'active'",
        gateway, lookup);
    while (rows.next()) {
      out.push_back({.id = rows.id<PaymentMethodId>(0),
                     .account = rows.id<AccountId>(1),
                     .position = rows.integer(2),
                     .told_at = rows.optional_instant(3)});
    }
  }
  std::sort(out.begin(), out.end(), [](const ActiveMethod& a, const ActiveMethod& b) { return a.id < b.id; });
  return out;
}

}  // namespace bursar::payments
