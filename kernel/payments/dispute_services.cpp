#include "payments/dispute_services.hpp"

#include <algorithm>
#include <span>

#include "services/services.hpp"

namespace bursar::payments {

namespace {

using services::Cause;
using services::Change;
using settings::DisputedService;

std::vector<ServiceId> services_of(storage::Connection& c, const std::vector<InvoiceId>& invoices) {
  std::vector<std::int64_t> ids;
  for (const InvoiceId id : invoices) ids.push_back(id.value());
  std::vector<ServiceId> out;
  auto rows = c.query(
      "SELECT DISTINCT service_id FROM invoice_lines WHERE invoice_id IN {list:$1} AND service_id IS NOT NULL "
      "AND removed_at IS NULL ORDER BY service_id",
      std::span<const std::int64_t>(ids));
  while (rows.next()) out.push_back(rows.id<ServiceId>(0));
  return out;
}

std::vector<ServiceId> suspended_as_disputed(storage::Connection& c, std::vector<ServiceId> ids) {
  std::erase_if(ids, [&](ServiceId id) {
    const auto service = services::find_service(c, id);
    return !service || service->status != services::ServiceStatus::suspended ||
           service->suspend_reason != disputed_reason;
  });
  return ids;
}

// Whether another undecided dispute stands against the service's invoices.
bool still_disputed(storage::Connection& c, ServiceId service) {
  return c
      .query(
          "SELECT 1 FROM invoice_lines l JOIN allocations a ON a.invoice_id = l.invoice_id "
          "JOIN disputes d ON d.payment_id = a.payment_id WHERE l.service_id = $1 AND l.removed_at IS NULL "
          "AND d.status = 'opened' LIMIT 1",
          service)
      .next();
}

// What is owed for it is not collected for now; when the hold has ended the collection plan goes on.
bool is_on_hold(storage::Connection& c, ServiceId service) {
  return c
      .query(
          "SELECT 1 FROM invoice_lines l JOIN held_invoices h ON h.invoice_id = l.invoice_id WHERE l.service_id = $1 "
          "AND l.removed_at IS NULL LIMIT 1",
          service)
      .next();
}

}  // namespace

bool services_on_opened(storage::Transaction& tx, const Context& context, const std::vector<InvoiceId>& invoices,
                        const accounts::Actor& actor, Instant now) {
  if (context.rules.billing.disputes.on_opened != DisputedService::suspend) return false;
  const auto ids = services_of(tx, invoices);
  const Cause cause{.actor = actor, .reason = std::string(disputed_reason)};
  return !services::change_services(tx, ids, Change::suspend, cause, now).empty();
}

bool services_on_won(storage::Transaction& tx, const std::vector<InvoiceId>& invoices, const accounts::Actor& actor,
                     Instant now) {
  auto ids = suspended_as_disputed(tx, services_of(tx, invoices));
  std::erase_if(ids, [&](ServiceId id) { return still_disputed(tx, id); });
  return !services::change_services(tx, ids, Change::unsuspend, {.actor = actor, .reason = "dispute won"}, now).empty();
}

bool services_on_lost(storage::Transaction& tx, const Context& context, const std::vector<InvoiceId>& invoices,
                      const std::vector<InvoiceId>& owed_again, const accounts::Actor& actor, Instant now) {
  const auto fate = context.rules.billing.disputes.on_lost;
  const auto ids = services_of(tx, invoices);
  if (fate == DisputedService::terminate)
    return !services::change_services(tx, ids, Change::terminate, {.actor = actor, .reason = "dispute lost"}, now)
                .empty();
  const auto payable = services_of(tx, owed_again);
  const auto is_payable = [&](ServiceId id) { return std::find(payable.begin(), payable.end(), id) != payable.end(); };
  for (const ServiceId id : suspended_as_disputed(tx, ids)) {
    if (is_payable(id))
      services::restate_suspension(tx, id, {.actor = actor, .reason = std::string(services::overdue)}, now);
  }
  if (fate == DisputedService::keep) return false;
  bool changed = false;
  for (const ServiceId id : ids) {
    if (is_payable(id) && is_on_hold(tx, id)) continue;
    const auto reason = is_payable(id) ? services::overdue : disputed_reason;
    changed |=
        !services::change_services(tx, {&id, 1}, Change::suspend, {.actor = actor, .reason = std::string(reason)}, now)
             .empty();
  }
  return changed;
}

}  // namespace bursar::payments
