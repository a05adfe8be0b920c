#include "invoicing/orders.hpp"

#include <map>

#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "invoicing/invoice_writer.hpp"
#include "invoicing/order_pricing.hpp"
#include "invoicing/paid.hpp"
#include "services/services.hpp"

namespace bursar::invoicing {
namespace {

using storage::Batch;
using storage::Connection;
using storage::Transaction;

Amounts amounts_of(const Totals& totals) { return {totals.net, totals.tax, totals.total}; }

// What the periods after the promotions cost, one sum for each cycle.
std::vector<RecurringQuote> recurring_quotes(const PricedOrder& order) {
  std::map<BillingCycle, std::vector<DraftLine>> by_cycle;
  for (const auto& unit : order.units) {
    if (!unit.cycle.is_recurring()) continue;
    DraftLine line{.kind = LineKind::recurring,
                   .description = unit.product->name,
                   .unit_price = unit.price->amount,
                   .treatment = unit.treatment};
    const bool for_ever = unit.promoted && order.promotion->periods == 0;
    const Money off = for_ever ? order.promotion->discount(unit.price->amount) : Money::zero(order.account.currency);
    auto& lines = by_cycle[unit.cycle];
    lines.push_back(line);
    if (off.is_positive()) lines.push_back(discount_line(line, off, order.promotion->code));
  }
  std::vector<RecurringQuote> quotes;
  for (auto& [cycle, lines] : by_cycle) quotes.push_back({cycle, amounts_of(assess(lines, order.account.currency))});
  return quotes;
}

void write_services(Transaction& tx, const PricedOrder& order, OrderId id, const std::vector<ServiceId>& services,
                    CivilDate today, Instant now) {
  Batch rows{{"id", Batch::integer},
             {"account_id", Batch::integer},
             {"order_id", Batch::integer},
             {"product_id", Batch::integer},
             {"label", Batch::text},
             {"status", Batch::text},
             {"currency", Batch::text},
             {"cycle", Batch::text},
             {"price", Batch::integer},
             {"promotion_id", Batch::integer},
             {"promotion_periods_left", Batch::integer},
             {"started_on", Batch::text},
             {"anchor_day", Batch::integer},
             {"anchor_on", Batch::text},
             {"periods_invoiced", Batch::integer},
             {"panel", Batch::text},
             {"created_at", Batch::text}};
  for (std::size_t i = 0; i < order.units.size(); ++i) {
    const auto& unit = order.units[i];
    std::optional<std::int64_t> periods_left;
    if (unit.promoted && order.promotion->periods > 0) periods_left = order.promotion->periods - 1;
    rows.add(services[i], order.account.id, id, unit.product->id, unit.label, "pending", order.account.currency.code(),
             unit.cycle.to_string(), unit.price->amount.minor(), unit.promoted ? order.promotion->id : PromotionId(),
             periods_left, today, static_cast<std::int64_t>(today.day()), today, 1, unit.product->panel, now);
  }
  tx.insert_many("services", rows);
}

Status take_limited(Transaction& tx, const PricedOrder& order) {
  if (order.promotion) BURSAR_CHECK(catalog::use_promotion(tx, order.promotion->id));
  std::map<ProductId, std::int64_t> counts;
  for (const auto& unit : order.units) ++counts[unit.product->id];
  for (const auto& [product, count] : counts) BURSAR_CHECK(catalog::take_stock(tx, product, count));
  return {};
}

InvoiceId write_invoice(Transaction& tx, const Rules& rules, const PricedOrder& order,
                        const std::vector<ServiceId>& services, CivilDate today, Instant now) {
  DraftInvoice draft{.account = order.account.id,
                     .buyer_party = order.account.party,
                     .autopay = order.account.autopay_enabled,
                     .kind = InvoiceKind::order,
                     .currency = order.account.currency,
                     .due_on = today.plus_days(rules.billing.order_due_days),
                     .notice_days = rules.billing.order_due_days,
                     .lines = {}};
  for (std::size_t i = 0; i < order.units.size(); ++i) {
    for (auto& line : first_lines(order, order.units[i], services[i], today)) draft.lines.push_back(std::move(line));
  }
  InvoiceWriter writer(rules, today, now);
  writer.add(std::move(draft));
  return writer.flush(tx).first;
}

}  // namespace

Result<Quote> quote(Connection& c, const Rules& rules, const OrderRequest& request, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(order, price_order(c, rules, request, today));
  std::vector<DraftLine> lines;
  for (const auto& unit : order.units) {
    for (auto& line : first_lines(order, unit, ServiceId(), today)) lines.push_back(std::move(line));
  }
  Quote quote{.lines = {},
              .now = amounts_of(assess(lines, order.account.currency)),
              .recurring = recurring_quotes(order),
              .due_on = today.plus_days(rules.billing.order_due_days)};
  for (const auto& line : lines) {
    quote.lines.push_back({line.kind, line.description, line.net, line.tax, explain(line)});
  }
  return quote;
}

Result<Placed> place_order(Transaction& tx, const Rules& rules, const OrderRequest& request,
                           const accounts::Actor& actor, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(order, price_order(tx, rules, request, today));
  BURSAR_CHECK(take_limited(tx, order));
  const std::int64_t first = tx.reserve_ids(static_cast<std::int64_t>(order.units.size()) + 1);
  Placed placed{.order = OrderId(first), .invoice = {}, .services = {}};
  for (std::size_t i = 0; i < order.units.size(); ++i) {
    placed.services.emplace_back(first + 1 + static_cast<std::int64_t>(i));
  }
  write_services(tx, order, placed.order, placed.services, today, now);
  placed.invoice = write_invoice(tx, rules, order, placed.services, today, now);
  tx.execute(
      "INSERT INTO orders (id, account_id, placed_at, placed_by, promotion_id, invoice_id, status)"
      " VALUES ($1, $2, $3, $4, $5, $6, 'pending')",
      placed.order, order.account.id, now, actor.user, order.promotion ? order.promotion->id : PromotionId(),
      placed.invoice);
  accounts::append_audit(tx, now,
                         {.at = now,
                          .actor = actor,
                          .account = order.account.id,
                          .action = "order.place",
                          .object = accounts::audit_object(placed.order)});
  const auto invoice = find_invoice(tx, placed.invoice);
  BURSAR_ASSERT(invoice.has_value());
  if (invoice->status == InvoiceStatus::paid) release_services(tx, rules, *invoice, placed.services, now);
  return placed;
}

}  // namespace bursar::invoicing
