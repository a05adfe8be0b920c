// A customer's wish to end a service. It is kept until the daily run handles it (invoicing/cancellation_step.hpp) and
// may be withdrawn until then. Until then also: services.cancel_on tells what will change.
//
//   immediate       ended by the next daily run
//   end_of_period   ended when the period under way ends
//
// Neither refunds by itself. Periods that have not begun by the end are taken back from invoices: an unpaid one is no
// longer owed, a paid one becomes credit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::services {

enum class CancellationKind { immediate, end_of_period };

struct Cancellation {
  ServiceId service;
  AccountId account;
  CancellationKind kind = CancellationKind::end_of_period;
  std::string reason;
  CivilDate effective_on;
  std::string status;  // requested, done, withdrawn
  Instant requested_at;
  UserId requested_by;
  bool adjusted = false;  // its invoices have been adjusted
  std::optional<Instant> done_at;
};

std::optional<Cancellation> find_cancellation(storage::Connection& c, ServiceId service);

// `today` in the provider's zone. A second wish replaces the first. 409 service_has_ended; 422 reason_too_long (2,000
// bytes).
Result<Cancellation> request_cancellation(storage::Transaction& tx, ServiceId service, CancellationKind kind,
                                          std::string_view reason, const accounts::Actor& actor, CivilDate today,
                                          Instant now);
// 409 no_cancellation_requested when there is none, or it is done.
Status withdraw_cancellation(storage::Transaction& tx, ServiceId service, const accounts::Actor& actor, Instant now);

}  // namespace bursar::services
