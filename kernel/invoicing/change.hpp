// Another product for a running service, in mid-period: an upgrade.
//
// The days left of the paid period, the day of the change among them, are credited at the old price and charged at the
// new one. Where that comes to something, the change waits for its invoice and whatever pays it applies it, once; else
// it is applied at once. An invoice that is void or written off withdraws its change. docs/design/proration.md
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

enum class ChangeStatus { awaiting_payment, applied, withdrawn };
std::string_view to_string(ChangeStatus status);

struct ServiceChange {
  std::int64_t id = 0;
  ServiceId service;
  AccountId account;
  ChangeStatus status = ChangeStatus::awaiting_payment;
  ProductId product;  // the new terms
  BillingCycle cycle = BillingCycle::one_time();
  Money price;
  CivilDate effective_on;
  CivilDate next_period_on;
  InvoiceId invoice;  // none: nothing to pay
  std::optional<CivilDate> look_on;
  Instant requested_at;
  std::optional<Instant> settled_at;
};

struct ChangeRequest {
  ServiceId service;
  ProductId product;
};

// What the change would cost; nothing is stored. Errors as request_change().
Result<Quote> quote_change(storage::Connection& c, const Rules& rules, const ChangeRequest& request, Instant now);

// 404 no_such_service. 422 invalid_change for a product that the service cannot change to. 409 service_not_active,
// service_not_recurring, cancellation_requested, change_pending, panel_at_work, renewal_due, period_unpaid,
// period_corrected, tax_changed, out_of_stock: the detail says what to do.
Result<ServiceChange> request_change(storage::Transaction& tx, const Rules& rules, const ChangeRequest& request,
                                     const accounts::Actor& actor, Instant now);

// 409 no_change_pending.
Status withdraw_change(storage::Transaction& tx, const Rules& rules, ServiceId service, const accounts::Actor& actor,
                       Instant now);

// The one change of each service that is still to come.
std::map<ServiceId, ServiceChange> pending_changes(storage::Connection& c, std::span<const std::int64_t> services);

}  // namespace bursar::invoicing
