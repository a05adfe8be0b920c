// Another product or billing cycle for a running service.
//
// At once, where that is worth more: the days left of the paid period, the day of the change among them, are credited
// at the old price and charged at the new one; a longer cycle begins a new period today. Where that comes to something,
// the change waits for its invoice, and whatever pays it applies it, once; else it is applied at once. An invoice that
// is void or written off withdraws its change. What is worth less, or has a shorter cycle, takes effect when the period
// ends; with `billing.downgrade_credit: credit` a cheaper product does so at once, and the difference becomes account
// credit. docs/design/proration.md
#pragma once

#include <map>
#include <optional>
#include <span>

#include "accounts/actor.hpp"
#include "base/cycle.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/orders.hpp"
#include "invoicing/rules.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

enum class ChangeStatus { awaiting_payment, scheduled, applied, withdrawn };  // the first two are pending
enum class ChangeTiming { immediate, end_of_period };
std::string_view to_string(ChangeStatus status);
std::string_view to_string(ChangeTiming timing);

struct ServiceChange {
  std::int64_t id = 0;
  ServiceId service;
  AccountId account;
  ChangeStatus status = ChangeStatus::awaiting_payment;
  ChangeTiming timing = ChangeTiming::immediate;
  ProductId product;  // the new terms
  BillingCycle cycle = BillingCycle::one_time();
  Money price;
  CivilDate effective_on;
  CivilDate next_period_on;  // from here on lines at the old terms are taken back
  InvoiceId invoice;         // none: nothing to pay
  Money credit;              // given for the days left, with tax
  std::string explanation;   // how what it costs or gives came to be
  std::optional<CivilDate> look_on;
  bool billed = false;  // scheduled: the service is billed by the new terms already
  Instant requested_at;
  std::optional<Instant> settled_at;
};

struct ChangeRequest {
  ServiceId service;
  ProductId product;                                  // none: the same
  std::optional<BillingCycle> cycle = std::nullopt;   // none: the same
  std::optional<ChangeTiming> timing = std::nullopt;  // none: at once where that is possible
};

struct ChangeQuote {
  Quote quote;  // `now` is negative where the days left become account credit
  ChangeTiming timing;
  CivilDate effective_on;
};

// What the change would cost; nothing is stored. Errors as request_change().
Result<ChangeQuote> quote_change(storage::Connection& c, const Rules& rules, const ChangeRequest& request, Instant now);

// 404 no_such_service. 422 invalid_change for a product or cycle that the service cannot change to. 409
// service_not_active, service_not_recurring, cancellation_requested, change_pending, panel_at_work, renewal_due,
// only_at_end_of_period, period_unpaid, period_corrected, tax_changed, out_of_stock: the detail says what to do.
Result<ServiceChange> request_change(storage::Transaction& tx, const Rules& rules, const ChangeRequest& request,
                                     const accounts::Actor& actor, Instant now);

// 409 no_change_pending; change_billed when the next period is billed by the new terms already.
Status withdraw_change(storage::Transaction& tx, const Rules& rules, ServiceId service, const accounts::Actor& actor,
                       Instant now);

// The one change of each service that is still to come.
std::map<ServiceId, ServiceChange> pending_changes(storage::Connection& c, std::span<const std::int64_t> services);

}  // namespace bursar::invoicing
