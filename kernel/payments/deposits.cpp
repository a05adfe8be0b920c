#include "payments/deposits.hpp"

#include "ledger/journal.hpp"
#include "payments/recording.hpp"

namespace bursar::payments {

namespace {

// As long as an action nobody took stands in the way of another payment (payments.cpp).
constexpr Duration action_counts_for = minutes(30);

std::optional<Money> limit_of(const std::map<std::string, Money>& limits, Currency currency) {
  const auto found = limits.find(std::string(currency.code()));
  return found == limits.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Money deposits_on_their_way(storage::Connection& c, const Context& context, AccountId account, Currency currency,
                            Instant now) {
  Money sum = Money::zero(currency);
  auto rows = c.query(
      "SELECT p.amount, p.gateway, p.status, p.created_at, p.expires_at FROM payments p JOIN invoices i ON "
      "i.id = p.invoice_id WHERE p.account_id = $1 AND p.currency = $2 AND i.kind = 'deposit' AND i.status = 'open' "
      "AND p.status IN ('pending', 'unknown', 'requires_action')",
      account, currency.code());
  while (rows.next()) {
    const Gateway* gateway = context.gateways.find(rows.text(1));
    if (gateway != nullptr && gateway->info().staff_confirms) continue;
    const bool waits_for_customer = rows.text(2) == "requires_action";
    if (waits_for_customer && now >= rows.optional_instant(4).value_or(rows.instant(3) + action_counts_for)) continue;
    sum += Money(rows.integer(0), currency);
  }
  return sum;
}

Status check_deposit(storage::Connection& c, const Context& context, AccountId account, Money amount, Instant now) {
  if (!amount.is_positive()) return bad_field("/amount", "must be positive");
  const auto least = limit_of(context.rules.billing.deposits.minimum, amount.currency());
  if (least && amount < *least) return bad_field("/amount", "must be at least " + least->to_string());
  return check_added(c, context, account, amount, "/amount", now);
}

Status check_added(storage::Connection& c, const Context& context, AccountId account, Money amount,
                   std::string_view pointer, Instant now) {
  const settings::Deposits& limits = context.rules.billing.deposits;
  const Currency currency = amount.currency();
  if (const auto most = limit_of(limits.maximum, currency); most && amount > *most) {
    return bad_field(std::string(pointer), "at most " + most->to_string() + " can be added to credit");
  }
  if (const auto most = limit_of(limits.maximum_balance, currency)) {
    const Money coming = deposits_on_their_way(c, context, account, currency, now);
    const Money has = ledger::credit_balance(c, account, currency) + coming;
    if (has + amount > *most) {
      const Money room = has < *most ? *most - has : Money::zero(currency);
      return bad_field(std::string(pointer),
                       "at most " + room.to_string() + " can be added: credit may not exceed " + most->to_string() +
                           (coming.is_zero() ? "" : ", and " + coming.to_string() + " is on its way"));
    }
  }
  if (!limits.require_active_service) return {};
  auto rows =
      c.query("SELECT 1 FROM services WHERE account_id = $1 AND status IN ('active', 'suspended') LIMIT 1", account);
  if (rows.next()) return {};
  return conflict("deposit_needs_active_service", "Credit can be added once the account has a running service.");
}

}  // namespace bursar::payments
