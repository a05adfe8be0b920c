#include "services/services.hpp"

#include <array>

namespace bursar::services {
namespace {

using storage::Connection;
using storage::Rows;

constexpr std::array<std::string_view, 5> statuses{"pending", "active", "suspended", "cancelled", "terminated"};

Service read_service(const Rows& rows) {
  const Currency currency = Currency::parse(rows.text(7)).value();
  return {.id = rows.id<ServiceId>(0),
          .account = rows.id<AccountId>(1),
          .order = rows.id<OrderId>(2),
          .product = rows.id<ProductId>(3),
          .label = rows.string(4),
          .status = service_status(rows.text(5)),
          .suspend_reason = rows.string(6),
          .cycle = BillingCycle::parse(rows.text(8)).value(),
          .price = Money(rows.integer(9), currency),
          .started_on = rows.date(10),
          .anchor_day = static_cast<unsigned>(rows.integer(11)),
          .anchor_on = rows.date(12),
          .periods_invoiced = static_cast<int>(rows.integer(13)),
          .next_due_on = rows.optional_date(14),
          .cancel_on = rows.optional_date(15),
          .panel = rows.string(16),
          .desired_state = rows.string(17),
          .actual_state = rows.string(18),
          .state_version = rows.integer(19),
          .panel_reference = rows.string(20),
          .created_at = rows.instant(21),
          .ended_at = rows.optional_instant(22),
          .version = rows.integer(23)};
}

}  // namespace

std::string_view to_string(ServiceStatus status) { return statuses.at(static_cast<std::size_t>(status)); }

ServiceStatus service_status(std::string_view stored) {
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i] == stored) return static_cast<ServiceStatus>(i);
  }
  invariant_broken("a stored service status", __FILE__, __LINE__);
}

std::optional<Service> find_service(Connection& c, ServiceId id) {
  auto rows = c.query(
      "SELECT id, account_id, order_id, product_id, label, status, suspend_reason, currency, cycle, price, started_on,"
      " anchor_day, anchor_on, periods_invoiced, next_due_on, cancel_on, panel, desired_state, actual_state,"
      " state_version, panel_reference, created_at, ended_at, version FROM services WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_service(rows);
}

std::int64_t count_running(Connection& c) {
  auto rows = c.query("SELECT count(*) FROM services WHERE status IN ('active', 'suspended')");
  return rows.next() ? rows.integer(0) : 0;
}

std::vector<Service> list_services(Connection& c, AccountId account, ServiceId after, int limit) {
  constexpr storage::Sql of_account =
      "SELECT id, account_id, order_id, product_id, label, status, suspend_reason, currency, cycle, price, started_on,"
      " anchor_day, anchor_on, periods_invoiced, next_due_on, cancel_on, panel, desired_state, actual_state,"
      " state_version, panel_reference, created_at, ended_at, version FROM services"
      " WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3";
  constexpr storage::Sql of_all =
      "SELECT id, account_id, order_id, product_id, label, status, suspend_reason, currency, cycle, price, started_on,"
      " anchor_day, anchor_on, periods_invoiced, next_due_on, cancel_on, panel, desired_state, actual_state,"
      " state_version, panel_reference, created_at, ended_at, version FROM services"
      " WHERE id > $1 ORDER BY id LIMIT $2";
  auto rows = account ? c.query(of_account, account, after.value(), limit) : c.query(of_all, after.value(), limit);
  std::vector<Service> services;
  while (rows.next()) services.push_back(read_service(rows));
  return services;
}

}  // namespace bursar::services
