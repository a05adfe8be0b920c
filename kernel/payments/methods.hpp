// Saved payment methods (the gateway's token, never a card number) and autopay. The one place that writes them: by a
// token that the caller has, by what a gateway answers to a setup or a payment, and by what it tells of them later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "base/vault.hpp"
#include "invoicing/rules.hpp"
#include "payments/gateway.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

struct PaymentMethod {
  PaymentMethodId id;
  AccountId account;
  std::string gateway;
  std::string label;  // "Visa 4242"
  std::optional<CivilDate> expires_on;
  int position = 0;  // autopay takes the first
  Instant created_at;
  std::int64_t version = 1;
};

struct NewPaymentMethod {
  std::string gateway;
  std::string token;
  std::string label;
  std::optional<CivilDate> expires_on = std::nullopt;
};
struct PaymentMethodPatch {
  std::optional<std::string> label = std::nullopt;
  std::optional<int> position = std::nullopt;  // 0: first
};

std::vector<PaymentMethod> list_methods(storage::Connection& c, AccountId account);    // active ones, by position
std::optional<PaymentMethod> find_method(storage::Connection& c, PaymentMethodId id);  // active

// Conflict too_many_payment_methods: the account has as many as it may.
Status check_room_for_method(storage::Connection& c, AccountId account);
// invalid: /gateway (unknown or can't keep methods), /token, /label. Goes to the end of the order.
Result<PaymentMethodId> add_method(storage::Transaction& tx, Gateways& gateways, const Vault& vault, AccountId account,
                                   const NewPaymentMethod& method, const accounts::Actor& actor, Instant now);
Result<PaymentMethod> update_method(storage::Transaction& tx, PaymentMethodId id, const PaymentMethodPatch& patch,
                                    std::optional<std::int64_t> expected_version, const accounts::Actor& actor,
                                    Instant now);
// At once for us, and by the effect "detach:<method>:1" at the gateway. A charge under way with it is not touched.
Status remove_method(storage::Transaction& tx, PaymentMethodId id, const accounts::Actor& actor, Instant now);

// What a gateway says it keeps, as the customer agreed. The same token of an account is the same method. `name`: the
// customer's own; empty: the gateway's label.
struct KeptMethod {
  AccountId account;
  std::string gateway;
  const GatewayMethod& method;
  std::string name = {};
};
PaymentMethodId keep_method(storage::Transaction& tx, const Vault& vault, const KeptMethod& kept, Instant now);

// What a gateway tells of a method that it keeps: renewed, or gone when the label is empty. A word that was spoken
// before the last one changes nothing, but gone is gone. Answers how many methods of ours that is.
int renew_methods(storage::Transaction& tx, const Vault& vault, const std::string& gateway, const GatewayMethod& method,
                  std::optional<Instant> told_at, Instant now);

// The last day on which a method of the gateway can be charged: the end of its month. none: it does not expire.
std::optional<CivilDate> expiry_of(const GatewayMethod& method);

struct Autopay {
  bool enabled = false;
  std::vector<PaymentMethod> methods;  // in the order they are used
};
Autopay read_autopay(storage::Connection& c, AccountId account);
// Switching on plans the automatic charge of every open invoice that never had one; off means off from now on, also for
// charges that are recorded and not yet begun. `order`: every method of the account in its new order, or empty.
Status set_autopay(storage::Transaction& tx, const invoicing::Rules& rules, AccountId account, bool enabled,
                   const std::vector<PaymentMethodId>& order, const accounts::Actor& actor, Instant now);

}  // namespace bursar::payments
