#include "invoicing/change.hpp"

#include <algorithm>

#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "base/json_text.hpp"
#include "invoicing/change_pricing.hpp"
#include "invoicing/change_settlement.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/invoice_writer.hpp"
#include "invoicing/invoices.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;
using storage::Transaction;

// An upgrade that stays unpaid is withdrawn after so many days.
constexpr int days_to_pay = 7;

Amounts amounts_of(const Totals& totals) { return {totals.net, totals.tax, totals.total}; }

InvoiceId write_invoice(Transaction& tx, const Rules& rules, const PricedChange& change, std::vector<DraftLine> lines,
                        CivilDate today, Instant now) {
  InvoiceWriter writer(rules, today, now);
  writer.add({.account = change.account.id,
              .buyer_party = change.account.party,
              .autopay = change.account.autopay_enabled,
              .kind = InvoiceKind::order,
              .lapses = true,
              .currency = change.service.price.currency(),
              .due_on = today,
              .lines = std::move(lines)});
  return writer.flush(tx).first;
}

std::int64_t store(Transaction& tx, const PricedChange& change, InvoiceId invoice, const accounts::Actor& actor,
                   CivilDate today, Instant now) {
  const auto& service = change.service;
  const std::int64_t id = tx.reserve_ids(1);
  const CivilDate lapses_on = std::min(today.plus_days(days_to_pay), change.period.end);
  tx.execute(
      "INSERT INTO service_changes (id, service_id, sequence, account_id, status, currency, from_product_id, "
      "from_cycle,"
      " from_price, to_product_id, to_cycle, to_price, to_discount, effective_on, period_end, next_period_on,"
      " base_invoice_id, invoice_id, look_on, requested_at, requested_by)"
      " VALUES ($1, $2, (SELECT coalesce(max(sequence), 0) + 1 FROM service_changes WHERE service_id = $2), $3,"
      " 'awaiting_payment', $4, $5, $6, $7, $8, $6, $9, $10, $11, $12, $12, $13, $14, $15, $16, $17)",
      id, service.id, service.account, service.price.currency().code(), service.product, service.cycle.to_string(),
      service.price.minor(), change.to.id, change.new_price.price.minor(), change.new_price.discount.minor(), today,
      change.period.end, change.base_invoice, invoice, lapses_on, now, actor.user);
  tx.execute("UPDATE services SET version = version + 1 WHERE id = $1", service.id);
  return id;
}

void audit(Transaction& tx, AccountId account, ServiceId service, const char* action, std::string detail,
           const accounts::Actor& actor, Instant now) {
  accounts::append_audit(tx, now,
                         {.at = now,
                          .actor = actor,
                          .account = account,
                          .action = action,
                          .object = accounts::audit_object(service),
                          .detail = std::move(detail)});
}

}  // namespace

Result<Quote> quote_change(Connection& c, const Rules& rules, const ChangeRequest& request, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(change, price_change(c, rules, request, today));
  auto lines = proration_lines(change, today);
  const Currency currency = change.service.price.currency();
  std::vector<DraftLine> later{{.kind = LineKind::recurring,
                                .description = change.to.name,
                                .unit_price = change.later_price,
                                .treatment = &change.treatment}};
  Quote quote{.lines = {},
              .now = amounts_of(assess(lines, currency)),
              .recurring = {{change.service.cycle, amounts_of(assess(later, currency))}},
              .due_on = today};
  for (const auto& line : lines) {
    quote.lines.push_back({line.kind, line.description, line.net, line.tax,
                           derivation_in_words(line.derivation, line.unit_price) + "; " + explain(line)});
  }
  return quote;
}

Result<ServiceChange> request_change(Transaction& tx, const Rules& rules, const ChangeRequest& request,
                                     const accounts::Actor& actor, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(change, price_change(tx, rules, request, today));
  BURSAR_CHECK(catalog::take_stock(tx, change.to.id, 1));
  auto lines = proration_lines(change, today);
  const bool costs = assess(lines, change.service.price.currency()).total.is_positive();
  InvoiceId invoice;
  if (costs) invoice = write_invoice(tx, rules, change, std::move(lines), today, now);
  const std::int64_t id = store(tx, change, invoice, actor, today, now);
  audit(tx, change.account.id, change.service.id, "service.request_change",
        "{\"product\":" + json_string(change.to.code) + "}", actor, now);
  const auto stored = [&] {
    auto found = find_change(tx, id);
    BURSAR_ASSERT(found.has_value());
    return *std::move(found);
  };
  const bool due = costs && find_invoice(tx, invoice)->status == InvoiceStatus::open;
  if (!due) apply_change(tx, stored(), now);
  return stored();
}

Status withdraw_change(Transaction& tx, const Rules& rules, ServiceId id, const accounts::Actor& actor, Instant now) {
  const auto service = services::find_service(tx, id);
  if (!service) return not_found("no_such_service", "There is no such service.");
  const std::int64_t key = id.value();
  const auto pending = pending_changes(tx, {&key, 1});
  if (pending.empty()) return conflict("no_change_pending", "No change of this service is pending.");
  BURSAR_CHECK(void_invoice(tx, rules, pending.begin()->second.invoice, "Change withdrawn", now));
  audit(tx, service->account, id, "service.withdraw_change", "", actor, now);
  return {};
}

}  // namespace bursar::invoicing
