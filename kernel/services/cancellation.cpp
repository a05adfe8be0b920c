#include "services/cancellation.hpp"

#include "accounts/audit.hpp"
#include "base/json_text.hpp"
#include "services/services.hpp"

namespace bursar::services {
namespace {

using storage::Connection;
using storage::Transaction;

constexpr std::size_t longest_reason = 2000;

std::string_view to_string(CancellationKind kind) {
  return kind == CancellationKind::immediate ? "immediate" : "end_of_period";
}

// The end of the period that `today` lies in. A service that has not begun, or has no periods, ends at once.
CivilDate end_of_period(const Service& service, CivilDate today) {
  if (!service.cycle.is_recurring() || service.status == ServiceStatus::pending) return today;
  int k = 0;
  while (service.period_start(k) <= today) ++k;
  return service.period_start(k);
}

void audit(Transaction& tx, const Service& service, const char* action, std::string detail,
           const accounts::Actor& actor, Instant now) {
  accounts::append_audit(tx, now,
                         {.at = now,
                          .actor = actor,
                          .account = service.account,
                          .action = action,
                          .object = accounts::audit_object(service.id),
                          .detail = std::move(detail)});
}

}  // namespace

std::optional<Cancellation> find_cancellation(Connection& c, ServiceId service) {
  auto rows = c.query(
      "SELECT service_id, account_id, kind, reason, effective_on, status, requested_at, requested_by, adjusted_at,"
      " done_at FROM cancellations WHERE service_id = $1",
      service);
  if (!rows.next()) return std::nullopt;
  return Cancellation{
      .service = rows.id<ServiceId>(0),
      .account = rows.id<AccountId>(1),
      .kind = rows.text(2) == "immediate" ? CancellationKind::immediate : CancellationKind::end_of_period,
      .reason = rows.string(3),
      .effective_on = rows.date(4),
      .status = rows.string(5),
      .requested_at = rows.instant(6),
      .requested_by = rows.id<UserId>(7),
      .adjusted = !rows.is_null(8),
      .done_at = rows.optional_instant(9)};
}

Result<Cancellation> request_cancellation(Transaction& tx, ServiceId id, CancellationKind kind, std::string_view reason,
                                          const accounts::Actor& actor, CivilDate today, Instant now) {
  if (reason.size() > longest_reason) {
    return invalid("reason_too_long", "The reason is too long.", {{"/reason", "must have at most 2000 bytes"}});
  }
  const auto service = find_service(tx, id);
  if (!service) return not_found("no_such_service", "There is no such service.");
  if (service->ended()) return conflict("service_has_ended", "The service has ended already.");
  const CivilDate effective_on = kind == CancellationKind::immediate ? today : end_of_period(*service, today);
  tx.execute(
      "INSERT INTO cancellations (service_id, account_id, kind, reason, effective_on, status, requested_at,"
      " requested_by) VALUES ($1, $2, $3, $4, $5, 'requested', $6, $7) ON CONFLICT (service_id) DO UPDATE SET"
      " account_id = $2, kind = $3, reason = $4, effective_on = $5, status = 'requested', requested_at = $6,"
      " requested_by = $7, adjusted_at = NULL, done_at = NULL",
      id, service->account, to_string(kind), reason, effective_on, now, actor.user);
  tx.execute("UPDATE services SET cancel_on = $2, version = version + 1 WHERE id = $1", id, effective_on);
  audit(tx, *service, "service.request_cancellation",
        "{\"when\":" + json_string(to_string(kind)) + ",\"reason\":" + json_string(reason) + "}", actor, now);
  return *find_cancellation(tx, id);
}

Status withdraw_cancellation(Transaction& tx, ServiceId id, const accounts::Actor& actor, Instant now) {
  const auto service = find_service(tx, id);
  if (!service) return not_found("no_such_service", "There is no such service.");
  const auto withdrawn =
      tx.execute("UPDATE cancellations SET status = 'withdrawn' WHERE service_id = $1 AND status = 'requested'", id);
  if (withdrawn == 0) return conflict("no_cancellation_requested", "No cancellation of this service is waiting.");
  tx.execute("UPDATE services SET cancel_on = NULL, version = version + 1 WHERE id = $1", id);
  audit(tx, *service, "service.withdraw_cancellation", "", actor, now);
  return {};
}

}  // namespace bursar::services
