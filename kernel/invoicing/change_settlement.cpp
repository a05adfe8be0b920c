#include "invoicing/change_settlement.hpp"

#include <array>

#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "effects/effects.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;
using storage::Rows;
using storage::Transaction;

constexpr std::array<std::string_view, 3> statuses{"awaiting_payment", "applied", "withdrawn"};

ChangeStatus change_status(std::string_view stored) {
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i] == stored) return static_cast<ChangeStatus>(i);
  }
  invariant_broken("a stored change status", __FILE__, __LINE__);
}

#define BURSAR_CHANGE_COLUMNS                                                                             \
  "SELECT id, service_id, account_id, status, currency, to_product_id, to_cycle, to_price, effective_on," \
  " next_period_on, invoice_id, look_on, requested_at, settled_at FROM service_changes "

ServiceChange read_change(const Rows& rows) {
  const Currency currency = Currency::parse(rows.text(4)).value();
  return {.id = rows.integer(0),
          .service = rows.id<ServiceId>(1),
          .account = rows.id<AccountId>(2),
          .status = change_status(rows.text(3)),
          .product = rows.id<ProductId>(5),
          .cycle = BillingCycle::parse(rows.text(6)).value(),
          .price = Money(rows.integer(7), currency),
          .effective_on = rows.date(8),
          .next_period_on = rows.date(9),
          .invoice = rows.id<InvoiceId>(10),
          .look_on = rows.optional_date(11),
          .requested_at = rows.instant(12),
          .settled_at = rows.optional_instant(13)};
}

// A promotion that is not for the new product ends.
void end_promotion(Transaction& tx, const services::Service& service, const ServiceChange& change) {
  PromotionId id;
  {
    auto rows = tx.query("SELECT promotion_id FROM services WHERE id = $1 AND promotion_id IS NOT NULL", service.id);
    if (!rows.next()) return;
    id = rows.id<PromotionId>(0);
  }
  const auto promotion = catalog::find_promotion(tx, id);
  if (promotion && promotion->applies_to(change.product, change.price.currency())) return;
  tx.execute("UPDATE services SET promotion_id = NULL, promotion_periods_left = NULL WHERE id = $1", service.id);
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
  auto rows = c.query(BURSAR_CHANGE_COLUMNS "WHERE service_id IN {list:$1} AND status = 'awaiting_payment'", services);
  while (rows.next()) {
    ServiceChange change = read_change(rows);
    pending.emplace(change.service, std::move(change));
  }
  return pending;
}

void apply_change(Transaction& tx, const ServiceChange& change, Instant now) {
  const auto service = services::find_service(tx, change.service);
  BURSAR_ASSERT(service.has_value());
  if (service->ended()) return;
  const auto applied = tx.execute(
      "UPDATE service_changes SET status = 'applied', settled_at = $2, look_on = effective_on WHERE id = $1"
      " AND status = 'awaiting_payment'",
      change.id, now);
  BURSAR_ASSERT(applied == 1);
  tx.execute("UPDATE services SET product_id = $2, price = $3, version = version + 1 WHERE id = $1", service->id,
             change.product, change.price.minor());
  end_promotion(tx, *service, change);
  change_plan(tx, *service, change, now);
  accounts::append_audit(tx, now,
                         {.at = now,
                          .actor = {.kind = accounts::ActorKind::job},
                          .account = service->account,
                          .action = "service.change",
                          .object = accounts::audit_object(service->id)});
}

void apply_paid_change(Transaction& tx, InvoiceId invoice, Instant now) {
  const auto change = change_of_invoice(tx, invoice);
  if (change && change->status == ChangeStatus::awaiting_payment) apply_change(tx, *change, now);
}

void close_unpaid_change(Transaction& tx, InvoiceId invoice, Instant now) {
  const auto change = change_of_invoice(tx, invoice);
  if (!change || change->status != ChangeStatus::awaiting_payment) return;
  tx.execute("UPDATE service_changes SET status = 'withdrawn', settled_at = $2, look_on = NULL WHERE id = $1",
             change->id, now);
  tx.execute("UPDATE services SET version = version + 1 WHERE id = $1", change->service);
  tx.execute("UPDATE products SET stock = stock + 1 WHERE id = $1 AND stock IS NOT NULL", change->product);
}

}  // namespace bursar::invoicing
