#include "invoicing/periods.hpp"

#include <algorithm>
#include <span>

#include "base/assert.hpp"
#include "invoicing/corrections.hpp"

namespace bursar::invoicing {

using storage::Connection;
using storage::Transaction;

namespace {

// What bills a whole period: a recurring line, and the line of a longer cycle that began at once.
#define BURSAR_BILLS_A_PERIOD                                                                                        \
  "(l.kind = 'recurring' OR (l.kind = 'proration' AND l.unit_price > 0 AND EXISTS (SELECT 1 FROM service_changes ch" \
  " WHERE ch.invoice_id = l.invoice_id AND ch.status = 'applied' AND ch.from_cycle <> ch.to_cycle)))"

bool is_invoiced(Transaction& tx, const services::Service& service, CivilDate period_start) {
  auto rows = tx.query(
      "SELECT 1 FROM invoice_lines l WHERE l.service_id = $1 AND l.period_start = $2 AND l.removed_at IS NULL"
      " AND " BURSAR_BILLS_A_PERIOD,
      service.id, period_start);
  if (rows.next()) return true;
  // A longer cycle of which the days left of the old one paid everything has no invoice.
  auto changes = tx.query(
      "SELECT 1 FROM service_changes WHERE service_id = $1 AND effective_on = $2 AND status = 'applied'"
      " AND takes_effect = 'immediate' AND from_cycle <> to_cycle AND invoice_id IS NULL",
      service.id, period_start);
  return changes.next();
}

// Everything that the order of a service that never began put on its invoice.
LinesByInvoice lines_of_order(Connection& c, const services::Service& service) {
  LinesByInvoice lines;
  auto rows = c.query(
      "SELECT l.invoice_id, l.id FROM orders o JOIN invoice_lines l ON l.invoice_id = o.invoice_id"
      " WHERE o.id = $1 AND l.service_id = $2 AND l.removed_at IS NULL ORDER BY l.id",
      service.order, service.id);
  while (rows.next()) lines[rows.id<InvoiceId>(0)].push_back(rows.id<LineId>(1));
  return lines;
}

// `day`, or where an earlier period that stands goes on beyond it, as the one that a change to a longer cycle broke off
// does once that change is refunded: the day after that period.
CivilDate first_day_unpaid(Transaction& tx, const services::Service& service, CivilDate day) {
  auto rows = tx.query(
      "SELECT MAX(l.period_end) FROM invoice_lines l WHERE l.service_id = $1 AND l.period_start < $2"
      " AND l.period_end > $2 AND l.removed_at IS NULL AND " BURSAR_BILLS_A_PERIOD,
      service.id, day);
  rows.next();
  return rows.optional_date(0).value_or(day);
}

}  // namespace

std::optional<CivilDate> first_day_billed(Connection& c, const Line& line) {
  if (!line.service || !line.period_start) return std::nullopt;
  auto rows = c.query("SELECT 1 FROM invoice_lines l WHERE l.id = $1 AND " BURSAR_BILLS_A_PERIOD, line.id);
  return rows.next() ? line.period_start : std::nullopt;
}

LinesByInvoice lines_from(Connection& c, ServiceId service, CivilDate from) {
  std::vector<std::int64_t> invoices;
  {
    auto rows = c.query(
        "SELECT DISTINCT invoice_id FROM invoice_lines WHERE service_id = $1 AND period_start >= $2"
        " AND kind = 'recurring' AND removed_at IS NULL",
        service, from);
    while (rows.next()) invoices.push_back(rows.integer(0));
  }
  LinesByInvoice lines;
  auto rows = c.query(
      "SELECT invoice_id, id FROM invoice_lines WHERE invoice_id IN {list:$1} AND service_id = $2"
      " AND period_start >= $3 AND removed_at IS NULL ORDER BY id",
      std::span<const std::int64_t>(invoices), service, from);
  while (rows.next()) lines[rows.id<InvoiceId>(0)].push_back(rows.id<LineId>(1));
  return lines;
}

CivilDate first_day_unbegun(Connection& c, ServiceId service, CivilDate today) {
  auto rows = c.query(
      "SELECT 1 FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.service_id = $1"
      " AND l.period_start = $2 AND l.kind = 'recurring' AND l.removed_at IS NULL AND i.status <> 'open'",
      service, today);
  return rows.next() ? today.plus_days(1) : today;
}

CancelledLines cancelled_lines(Connection& c, const services::Service& service, CivilDate effective_on,
                               services::CancellationKind kind) {
  const bool immediate = kind == services::CancellationKind::immediate;
  const CivilDate from = immediate ? first_day_unbegun(c, service.id, effective_on) : effective_on;
  const bool never_began = service.status == services::ServiceStatus::pending;
  return {.from = from, .lines = never_began ? lines_of_order(c, service) : lines_from(c, service.id, from)};
}

std::vector<LineId> lines_to_be_removed(Connection& c, InvoiceId invoice, const std::vector<Line>& lines) {
  std::vector<std::int64_t> services;
  for (const Line& line : lines) {
    if (line.service && !line.removed) services.push_back(line.service.value());
  }
  std::vector<ServiceId> cancelled_services;
  {
    auto rows = c.query(
        "SELECT service_id FROM cancellations WHERE service_id IN {list:$1} AND status = 'requested'"
        " AND adjusted_at IS NULL",
        std::span<const std::int64_t>(services));
    while (rows.next()) cancelled_services.push_back(rows.id<ServiceId>(0));
  }
  std::vector<LineId> found;
  for (const ServiceId id : cancelled_services) {
    const auto wish = services::find_cancellation(c, id);
    const auto service = services::find_service(c, id);
    BURSAR_ASSERT(wish.has_value() && service.has_value());
    auto cancelled = cancelled_lines(c, *service, wish->effective_on, wish->kind);
    const std::vector<LineId>& of_it = cancelled.lines[invoice];
    found.insert(found.end(), of_it.begin(), of_it.end());
  }
  std::sort(found.begin(), found.end());
  return found;
}

int take_back(Transaction& tx, const Rules& rules, const LinesByInvoice& lines, std::string_view reason, Instant now) {
  int adjusted = 0;
  for (const auto& [invoice, ids] : lines) {
    if (take_back_lines(tx, rules, invoice, ids, reason, now).ok()) ++adjusted;
  }
  return adjusted;
}

void end_billing(Transaction& tx, const Rules& rules, ServiceId service, CivilDate today, Instant now) {
  take_back(tx, rules, lines_from(tx, service, first_day_unbegun(tx, service, today)), "Service terminated", now);
}

void take_back_periods(Transaction& tx, const services::Service& service, CivilDate from) {
  if (!service.cycle.is_recurring() || service.status == services::ServiceStatus::pending || service.ended()) return;
  int periods = service.periods_invoiced;
  while (periods > 0 && service.period_start(periods - 1) >= from &&
         !is_invoiced(tx, service, service.period_start(periods - 1))) {
    --periods;
  }
  const int taken_back = service.periods_invoiced - periods;
  if (taken_back == 0) return;
  tx.execute(
      "UPDATE services SET periods_invoiced = $2, next_due_on = $3, promotion_periods_left ="
      " promotion_periods_left + $4, version = version + 1 WHERE id = $1",
      service.id, periods, service.period_start(periods), taken_back);
  if (periods > 0) return;
  const CivilDate due_on = first_day_unpaid(tx, service, service.anchor_on);
  if (due_on == service.anchor_on) return;
  tx.execute("UPDATE services SET anchor_on = $2, anchor_day = $3, next_due_on = $2 WHERE id = $1", service.id, due_on,
             static_cast<std::int64_t>(due_on.day()));
}

}  // namespace bursar::invoicing
