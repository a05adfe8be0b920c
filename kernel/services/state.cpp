// The state machine of services.
#include <array>

#include "accounts/audit.hpp"
#include "base/json_text.hpp"
#include "catalog/products.hpp"
#include "effects/effects.hpp"
#include "services/services.hpp"

namespace bursar::services {
namespace {

using storage::Transaction;

constexpr std::array<std::string_view, 5> change_names{"activate", "suspend", "unsuspend", "cancel", "terminate"};

std::string_view desired_after(Change change) {
  switch (change) {
    case Change::activate:
    case Change::unsuspend:
      return "active";
    case Change::suspend:
      return "suspended";
    case Change::cancel:
    case Change::terminate:
      return "terminated";
  }
  invariant_broken("a known Change", __FILE__, __LINE__);
}

// What is to be brought about. A service that never was anywhere needs no termination.
std::optional<std::string_view> desired_state(const Service& service, Change change) {
  const std::string_view desired = desired_after(change);
  if (desired == "terminated" && service.desired_state == "none") return std::nullopt;
  return desired;
}

// The next due date is known only while the service runs: nobody is billed for what is pending or over.
std::optional<CivilDate> next_due_after(const Service& service, ServiceStatus status) {
  const bool runs = status == ServiceStatus::active || status == ServiceStatus::suspended;
  if (!runs || !service.cycle.is_recurring()) return std::nullopt;
  return service.period_start(service.periods_invoiced);
}

void audit(Transaction& tx, const Service& service, Change change, const Cause& cause, Instant now) {
  accounts::append_audit(tx, now,
                         {.at = now,
                          .actor = cause.actor,
                          .account = service.account,
                          .action = "service." + std::string(to_string(change)),
                          .object = accounts::audit_object(service.id),
                          .detail = "{\"reason\":" + json_string(cause.reason) + "}"});
}

void apply(Transaction& tx, const Service& service, Change change, ServiceStatus status, const Cause& cause,
           Instant now) {
  const auto desired = desired_state(service, change);
  const bool ends = status == ServiceStatus::cancelled || status == ServiceStatus::terminated;
  const std::int64_t state_version = service.state_version + (desired ? 1 : 0);
  tx.execute(
      "UPDATE services SET status = $2, suspend_reason = $3, next_due_on = $4, desired_state = $5,"
      " state_version = $6, ended_at = $7, actual_state = $8, version = version + 1 WHERE id = $1",
      service.id, to_string(status), change == Change::suspend ? std::string_view(cause.reason) : std::string_view(),
      next_due_after(service, status), desired.value_or(service.desired_state), state_version,
      ends ? std::optional<Instant>(now) : std::nullopt,
      desired && service.panel.empty() ? *desired : std::string_view(service.actual_state));
  audit(tx, service, change, cause, now);
  // What never began is there for somebody else, whoever ended it.
  if (ends && service.status == ServiceStatus::pending) catalog::return_stock(tx, service.product);
  if (!desired || service.panel.empty()) return;  // without a panel it is as wanted at once
  const effects::NewEffect effect{
      .kind = "provision",
      .key = "provision:" + std::to_string(service.id.value()) + ":" + std::to_string(state_version),
      .instance = service.panel,
      .account = service.account,
      .object = service.id.value()};
  effects::record(tx, now, {&effect, 1});
}

}  // namespace

std::string_view to_string(Change change) { return change_names.at(static_cast<std::size_t>(change)); }

std::optional<ServiceStatus> after(ServiceStatus from, Change change) {
  const bool over = from == ServiceStatus::cancelled || from == ServiceStatus::terminated;
  switch (change) {
    case Change::activate:
      if (from == ServiceStatus::pending) return ServiceStatus::active;
      break;
    case Change::suspend:
      if (from == ServiceStatus::active) return ServiceStatus::suspended;
      break;
    case Change::unsuspend:
      if (from == ServiceStatus::suspended) return ServiceStatus::active;
      break;
    case Change::cancel:
      if (!over) return ServiceStatus::cancelled;
      break;
    case Change::terminate:
      if (!over) return ServiceStatus::terminated;
      break;
  }
  return std::nullopt;
}

Status change_service(Transaction& tx, ServiceId id, Change change, const Cause& cause, Instant now) {
  const auto service = find_service(tx, id);
  if (!service) return not_found("no_such_service", "There is no such service.");
  const auto status = after(service->status, change);
  if (!status) {
    return conflict("service_state_conflict", "The service is " + std::string(to_string(service->status)) +
                                                  "; that does not allow to " + std::string(to_string(change)) +
                                                  " it.");
  }
  apply(tx, *service, change, *status, cause, now);
  return {};
}

std::vector<ServiceId> change_services(Transaction& tx, std::span<const ServiceId> ids, Change change,
                                       const Cause& cause, Instant now) {
  std::vector<ServiceId> changed;
  for (const ServiceId id : ids) {
    const auto service = find_service(tx, id);
    BURSAR_ASSERT(service.has_value());
    const auto status = after(service->status, change);
    if (!status) continue;
    apply(tx, *service, change, *status, cause, now);
    changed.push_back(id);
  }
  return changed;
}

bool restate_suspension(Transaction& tx, ServiceId id, const Cause& cause, Instant now) {
  const auto service = find_service(tx, id);
  if (!service || service->status != ServiceStatus::suspended) return false;
  tx.execute("UPDATE services SET suspend_reason = $2, version = version + 1 WHERE id = $1", id, cause.reason);
  audit(tx, *service, Change::suspend, cause, now);
  return true;
}

}  // namespace bursar::services
