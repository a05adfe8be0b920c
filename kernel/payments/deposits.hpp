// Adding credit, within the provider's limits (billing.deposits).
#pragma once

#include <string_view>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "payments/payments.hpp"

namespace bursar::payments {

// Credit that may arrive any moment: deposits with a charge under way that nobody but the gateway can stop. Those of a
// bank transfer do not count, as nobody but the customer moves that money.
Money deposits_on_their_way(storage::Connection& c, const Context& context, AccountId account, Currency currency,
                            Instant now);

// Whether the account may add this much now. Errors: invalid /amount, with the limit; conflict
// deposit_needs_active_service.
Status check_deposit(storage::Connection& c, const Context& context, AccountId account, Money amount, Instant now);

// The same of what a customer adds to the payment of invoices, for credit, which may be as little as they like.
// `pointer`: of the field.
Status check_added(storage::Connection& c, const Context& context, AccountId account, Money amount,
                   std::string_view pointer, Instant now);

}  // namespace bursar::payments
