// What a customer owns: services, and the one machine that changes their state.
//
//                 activate            suspend
//   pending ----------------> active <--------> suspended
//      |                        |     unsuspend     |
//      +--- cancel, terminate --+-------------------+----> cancelled (the customer's wish) | terminated (ours)
//
// A change of state is one call with a cause; it is audited, and where a panel runs the service, the panel is told
// through desired_state: the version grows and an effect "provision:<service>:<version>" is recorded.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/actor.hpp"
#include "base/cycle.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::services {

enum class ServiceStatus { pending, active, suspended, cancelled, terminated };
std::string_view to_string(ServiceStatus status);
ServiceStatus service_status(std::string_view stored);  // throws InvariantBroken for another text

struct Service {
  ServiceId id;
  AccountId account;
  OrderId order;
  ProductId product;
  std::string label;
  ServiceStatus status = ServiceStatus::pending;
  std::string suspend_reason;
  BillingCycle cycle = BillingCycle::one_time();
  Money price;  // a period, as agreed, before promotion and tax
  CivilDate started_on;
  unsigned anchor_day = 1;
  CivilDate anchor_on;
  int periods_invoiced = 0;
  std::optional<CivilDate> next_due_on;
  std::optional<CivilDate> cancel_on;
  std::string panel;
  std::string desired_state;
  std::string actual_state;
  std::int64_t state_version = 0;
  std::string panel_reference;
  Instant created_at;
  std::optional<Instant> ended_at;
  std::int64_t version = 1;

  [[nodiscard]] bool ended() const { return status == ServiceStatus::cancelled || status == ServiceStatus::terminated; }
  // The start of period k; of a one-time service only k = 0.
  [[nodiscard]] CivilDate period_start(int k) const { return due_date(anchor_on, anchor_day, cycle, k); }
};

std::optional<Service> find_service(storage::Connection& c, ServiceId id);
// By id, after `after`; `account` none: every account's (staff).
std::vector<Service> list_services(storage::Connection& c, AccountId account, ServiceId after, int limit);

std::int64_t count_running(storage::Connection& c);  // active and suspended ones

enum class Change { activate, suspend, unsuspend, cancel, terminate };
std::string_view to_string(Change change);

struct Cause {
  accounts::Actor actor;
  std::string reason;  // "order paid", "overdue", or a person's words
};
// The reason of suspensions for unpaid invoices: these come back by themselves when paid.
inline constexpr std::string_view overdue = "overdue";

// The state a change leads to, or none where the machine does not allow it.
std::optional<ServiceStatus> after(ServiceStatus from, Change change);

// 409 service_state_conflict where the machine does not allow it.
Status change_service(storage::Transaction& tx, ServiceId id, Change change, const Cause& cause, Instant now);
// Changes those of `ids` that the machine allows it for and leaves the others; answers the changed ones.
std::vector<ServiceId> change_services(storage::Transaction& tx, std::span<const ServiceId> ids, Change change,
                                       const Cause& cause, Instant now);

// A suspended service stays so for another reason; true: it was. Reasons decide what ends a suspension.
bool restate_suspension(storage::Transaction& tx, ServiceId id, const Cause& cause, Instant now);

}  // namespace bursar::services
