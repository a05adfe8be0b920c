#include "invoicing/change_settlement.hpp"

#include <array>

#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "base/json_text.hpp"
#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "effects/effects.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;
using storage::Rows;
using storage::Transaction;

constexpr std::array<std::string_view, 4> statuses{"awaiting_payment", "scheduled", "applied", "withdrawn"};
constexpr std::array<std::string_view, 2> timings{"immediate", "end_of_period"};

ChangeStatus change_status(std::string_view stored) {
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i] == stored) return static_cast<ChangeStatus>(i);
  }
  invariant_broken("a stored change status", __FILE__, __LINE__);
}

#define BURSAR_CHANGE_COLUMNS                                                                             \
  "SELECT id, service_id, account_id, status, currency, to_product_id, to_cycle, to_price, effective_on," \
  " next_period_on, invoice_id, look_on, requested_at, settled_at, takes_effect, credit, billed_at,"      \
  " derivation FROM service_changes "

ServiceChange read_change(const Rows& rows) {
  const Currency currency = Currency::parse(rows.text(4)).value();
  return {.id = rows.integer(0),
          .service = rows.id<ServiceId>(1),
          .account = rows.id<AccountId>(2),
          .status = change_status(rows.text(3)),
          .timing = rows.text(14) == "immediate" ? ChangeTiming::immediate : ChangeTiming::end_of_period,
          .product = rows.id<ProductId>(5),
          .cycle = BillingCycle::parse(rows.text(6)).value(),
          .price = Money(rows.integer(7), currency),
          .effective_on = rows.date(8),
          .next_period_on = rows.date(9),
          .invoice = rows.id<InvoiceId>(10),
          .credit = Money(rows.integer(15), currency),
          .explanation = rows.string(17),
          .look_on = rows.optional_date(11),
          .billed = !rows.is_null(16),
          .requested_at = rows.instant(12),
          .settled_at = rows.optional_instant(13)};
}

// A promotion that is not for the new product ends, and any with another cycle.
void end_promotion(Transaction& tx, const services::Service& service, const ServiceChange& change) {
  PromotionId id;
  {
    auto rows = tx.query("SELECT promotion_id FROM services WHERE id = $1 AND promotion_id IS NOT NULL", service.id);
    if (!rows.next()) return;
    id = rows.id<PromotionId>(0);
  }
  const auto promotion = catalog::find_promotion(tx, id);
  const bool goes_on =
      promotion && change.cycle == service.cycle && promotion->applies_to(change.product, change.price.currency());
  if (goes_on) return;
  tx.execute("UPDATE services SET promotion_id = NULL, promotion_periods_left = NULL WHERE id = $1", service.id);
}

// The customer is told; notices write the message.
void tell(Transaction& tx, const ServiceChange& change, const std::string& notice, Instant now) {
  const effects::NewEffect effect{.kind = "notice",
                                  .key = "notice:" + notice + ":" + std::to_string(change.id),
                                  .instance = "notices",
                                  .account = change.account,
                                  .object = change.id};
  effects::record(tx, now, {&effect, 1});
}

// The panel is told of the new plan, where one runs the service.
void change_plan(Transaction& tx, const services::Service& service, const ServiceChange& change, Instant now) {
  if (service.panel.empty() || service.product == change.product || service.desired_state == "none") return;
  const effects::NewEffect effect{
      .kind = "change_plan",
      .key = "change_plan:" + std::to_string(service.id.value()) + ":" + std::to_string(change.id),
      .instance = service.panel,
      .account = service.account,
      .object = service.id.value()};
  effects::record(tx, now, {&effect, 1});
  tx.execute("UPDATE service_changes SET plan_state = 'wanted' WHERE id = $1", change.id);
}

}  // namespace

std::string_view to_string(ChangeStatus status) { return statuses.at(static_cast<std::size_t>(status)); }
std::string_view to_string(ChangeTiming timing) { return timings.at(static_cast<std::size_t>(timing)); }

std::optional<ServiceChange> find_change(Connection& c, std::int64_t id) {
  auto rows = c.query(BURSAR_CHANGE_COLUMNS "WHERE id = $1", id);
  if (!rows.next()) return std::nullopt;
  return read_change(rows);
}

std::optional<ServiceChange> change_of_invoice(Connection& c, InvoiceId invoice) {
  auto rows = c.query(BURSAR_CHANGE_COLUMNS "WHERE invoice_id = $1", invoice);
  if (!rows.next()) return std::nullopt;
  return read_change(rows);
}

std::map<ServiceId, ServiceChange> pending_changes(Connection& c, std::span<const std::int64_t> services) {
  std::map<ServiceId, ServiceChange> pending;
  auto rows = c.query(
      BURSAR_CHANGE_COLUMNS "WHERE service_id IN {list:$1} AND status IN ('awaiting_payment', 'scheduled')", services);
  while (rows.next()) {
    ServiceChange change = read_change(rows);
    pending.emplace(change.service, std::move(change));
  }
  return pending;
}

void take_billing_terms(Transaction& tx, const services::Service& service, const ServiceChange& change) {
  tx.execute("UPDATE services SET price = $2, version = version + 1 WHERE id = $1", service.id, change.price.minor());
  end_promotion(tx, service, change);
  if (change.cycle == service.cycle) return;
  // Its periods are counted from here on. One that begins at once is on the change's invoice. Else they begin where the
  // billed ones end: a period to come that was written off is not billed again.
  const bool at_once = change.timing == ChangeTiming::immediate;
  const CivilDate begin = at_once ? change.effective_on : service.period_start(service.periods_invoiced);
  const unsigned anchor_day = at_once ? begin.day() : service.anchor_day;
  const int periods = at_once ? 1 : 0;
  tx.execute(
      "UPDATE services SET cycle = $2, anchor_on = $3, anchor_day = $4, periods_invoiced = $5, next_due_on = $6"
      " WHERE id = $1",
      service.id, change.cycle.to_string(), begin, static_cast<std::int64_t>(anchor_day), periods,
      due_date(begin, anchor_day, change.cycle, periods));
}

void apply_change(Transaction& tx, const ServiceChange& change, Instant now) {
  const auto service = services::find_service(tx, change.service);
  BURSAR_ASSERT(service.has_value());
  if (service->ended()) return;
  // Lines at the old terms are taken back before the new ones are billed; by the next run, or long ago.
  const bool at_once = change.timing == ChangeTiming::immediate;
  const auto applied = tx.execute(
      "UPDATE service_changes SET status = 'applied', settled_at = $2, look_on = $3 WHERE id = $1"
      " AND status IN ('awaiting_payment', 'scheduled')",
      change.id, now, at_once ? std::optional(change.effective_on) : std::nullopt);
  BURSAR_ASSERT(applied == 1);
  if (!change.billed) take_billing_terms(tx, *service, change);
  tx.execute("UPDATE services SET product_id = $2, version = version + 1 WHERE id = $1", service->id, change.product);
  change_plan(tx, *service, change, now);
  tell(tx, change, "change_applied", now);
  accounts::append_audit(tx, now,
                         {.at = now,
                          .actor = {.kind = accounts::ActorKind::job},
                          .account = service->account,
                          .action = "service.change",
                          .object = accounts::audit_object(service->id),
                          .detail = "{\"when\":" + json_string(to_string(change.timing)) + "}"});
}

void apply_paid_change(Transaction& tx, InvoiceId invoice, Instant now) {
  const auto change = change_of_invoice(tx, invoice);
  if (change && change->status == ChangeStatus::awaiting_payment) apply_change(tx, *change, now);
}

void close_change(Transaction& tx, const ServiceChange& change, Closed why, Instant now) {
  tx.execute("UPDATE service_changes SET status = 'withdrawn', settled_at = $2, look_on = NULL WHERE id = $1",
             change.id, now);
  tx.execute("UPDATE services SET version = version + 1 WHERE id = $1", change.service);
  const auto service = services::find_service(tx, change.service);
  BURSAR_ASSERT(service.has_value());
  if (service->product != change.product) catalog::return_stock(tx, change.product);
  if (service->ended()) return;  // of its end the customer is told
  tell(tx, change, why == Closed::unpaid ? "change_lapsed" : "change_withdrawn", now);
}

void close_unpaid_change(Transaction& tx, InvoiceId invoice, Instant now) {
  const auto change = change_of_invoice(tx, invoice);
  if (change && change->status == ChangeStatus::awaiting_payment) close_change(tx, *change, Closed::withdrawn, now);
}

}  // namespace bursar::invoicing
