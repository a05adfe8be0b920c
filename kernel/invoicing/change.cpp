#include "invoicing/change.hpp"

#include "accounts/accounts.hpp"
#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "catalog/products.hpp"
#include "invoicing/invoice_writer.hpp"
#include "invoicing/invoices.hpp"
#include "ledger/journal.hpp"
#include "services/services.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;
using storage::Transaction;

struct Upgrade {
  accounts::Account account;
  services::Service service;
  catalog::Product from, to;
  Money price;  // the new one
  Period period;
  catalog::TaxTreatment treatment;
};

Error not_changeable(std::string detail) { return conflict("service_not_changeable", std::move(detail)); }
Error bad_product(std::string detail) {
  return invalid("invalid_change", "The service cannot change to this product.", {{"/product_id", std::move(detail)}});
}

Status check_state(const services::Service& service) {
  if (service.status != services::ServiceStatus::active) return not_changeable("Only an active service can change.");
  if (!service.cycle.is_recurring()) return not_changeable("A service that is paid once has no periods to prorate.");
  if (service.cancel_on) return not_changeable("The service is to be cancelled; withdraw that first.");
  if (!service.panel.empty() && service.actual_state != service.desired_state) {
    return not_changeable("The panel is still at work on the service; try again when it is done.");
  }
  return {};
}

Status check_promotion(Connection& c, const services::Service& service, const Period& period) {
  auto rows = c.query(
      "SELECT 1 FROM services WHERE id = $1 AND promotion_id IS NOT NULL"
      " AND (promotion_periods_left IS NULL OR promotion_periods_left > 0)"
      " UNION ALL SELECT 1 FROM invoice_lines WHERE service_id = $1 AND kind = 'discount' AND period_start = $2"
      " AND removed_at IS NULL",
      service.id, period.start);
  if (rows.next()) return conflict("promotion_running", "A promotion runs on the service; it can change once it ends.");
  return {};
}

// The line of the period under way, paid in whole and never taken back in part; and so with what earlier changes added.
// Otherwise the credit for the old price would give back what was not paid.
Result<Line> paid_line(Connection& c, const services::Service& service, const Period& period) {
  const auto refused = [] {
    return conflict("period_not_changeable", "The current period is not paid in whole, or was corrected since.");
  };
  InvoiceId invoice_id;
  LineId line_id;
  {
    auto rows = c.query(
        "SELECT l.invoice_id, l.id FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.service_id = $1"
        " AND l.period_start = $2 AND l.kind = 'recurring' AND l.removed_at IS NULL AND i.status = 'paid'",
        service.id, period.start);
    if (!rows.next()) return refused();
    invoice_id = rows.id<InvoiceId>(0);
    line_id = rows.id<LineId>(1);
  }
  {
    auto rows = c.query(
        "SELECT 1 FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.service_id = $1"
        " AND (l.id = $2 OR (l.kind = 'proration' AND l.period_end = $3))"
        " AND (l.removed_at IS NOT NULL OR i.status <> 'paid'"
        " OR EXISTS (SELECT 1 FROM credit_note_lines n WHERE n.line_id = l.id))",
        service.id, line_id, period.end);
    if (rows.next()) return refused();
  }
  const auto invoice = find_invoice(c, invoice_id);
  BURSAR_ASSERT(invoice.has_value());
  for (auto& line : lines_of(c, *invoice)) {
    if (line.id == line_id) return std::move(line);
  }
  return refused();
}

bool taxed_as(const Line& line, const catalog::TaxTreatment& treatment) {
  return line.tax_category == treatment.category && line.tax_place == treatment.place &&
         line.tax_inclusive == treatment.inclusive &&
         line.tax_rate.num * treatment.rate.den == treatment.rate.num * line.tax_rate.den;
}

Result<Upgrade> price_upgrade(Connection& c, const Rules& rules, ServiceId id, ProductId product, CivilDate today) {
  auto service = services::find_service(c, id);
  if (!service) return not_found("no_such_object", "There is no such service.");
  BURSAR_CHECK(check_state(*service));
  auto account = accounts::find_account(c, service->account);
  auto from = catalog::find_product(c, service->product);
  BURSAR_ASSERT(account.has_value() && from.has_value());
  auto to = catalog::find_product(c, product);
  if (!to || to->retired) return bad_product("is not a product that can be ordered");
  const auto* price = to->price(service->price.currency(), service->cycle);
  if (price == nullptr) return bad_product("is not sold in the service's cycle and currency");
  if (to->id == from->id || price->amount <= service->price) return bad_product("must cost more than the service does");
  if (to->panel != service->panel) return bad_product("must be run by the panel that runs the service");
  if (to->tax_class != from->tax_class) return bad_product("must be taxed as the service is");
  const Period period{service->period_start(service->periods_invoiced - 1),
                      service->period_start(service->periods_invoiced)};
  if (today < period.start) {
    return conflict("period_not_changeable", "The next period is invoiced already; the service can change in it.");
  }
  if (today >= period.end) return conflict("period_not_changeable", "The service is about to renew; try again after.");
  BURSAR_CHECK(check_promotion(c, *service, period));
  BURSAR_TRY(line, paid_line(c, *service, period));
  auto treatment = rules.tax.treatment({.country = account->address.country,
                                        .region = account->address.region,
                                        .tax_id = account->tax_id,
                                        .exempt = account->tax_exempt},
                                       to->tax_class);
  if (!taxed_as(line, treatment)) {
    return conflict("tax_changed", "The current period was taxed otherwise; the service can change in the next one.");
  }
  return Upgrade{.account = *std::move(account),
                 .service = *std::move(service),
                 .from = *std::move(from),
                 .to = *std::move(to),
                 .price = price->amount,
                 .period = period,
                 .treatment = std::move(treatment)};
}

// Both shares are rounded the same way, so the dearer price never comes to less than the cheaper one.
std::vector<DraftLine> proration_lines(const Upgrade& upgrade, CivilDate today) {
  const Period rest{today, upgrade.period.end};
  const Ratio share = remaining_share(upgrade.period, today);
  const std::string days = " (" + std::to_string(share.num) + " of " + std::to_string(share.den) + " days)";
  const auto line = [&](std::string text, const catalog::Product& product, Money amount) {
    return DraftLine{.kind = LineKind::proration,
                     .service = upgrade.service.id,
                     .period = rest,
                     .description = text + describe_period(product.name, upgrade.service.label, rest) + days,
                     .unit_code = product.unit_code,
                     .unit_price = amount,
                     .treatment = &upgrade.treatment};
  };
  return {line("Unused: ", upgrade.from, -upgrade.service.price.multiply(share, Rounding::half_up)),
          line("", upgrade.to, upgrade.price.multiply(share, Rounding::half_up))};
}

// The kernel can't ask a panel for another plan, so a person does it there.
void raise_task(Transaction& tx, const Upgrade& upgrade, Instant now) {
  tx.execute(
      "INSERT INTO staff_tasks (id, kind, account_id, object_id, title, created_at) VALUES ($1, 'provision', $2, $3,"
      " $4, $5) ON CONFLICT (kind, object_id) WHERE status = 'open' DO UPDATE SET title = excluded.title",
      tx.reserve_ids(1), upgrade.account.id, upgrade.service.id.value(),
      "Change the plan at the panel to " + upgrade.to.code, now);
}

}  // namespace

Result<Quote> quote_upgrade(Connection& c, const Rules& rules, ServiceId service, ProductId product, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(upgrade, price_upgrade(c, rules, service, product, today));
  auto lines = proration_lines(upgrade, today);
  const Currency currency = upgrade.price.currency();
  const Totals totals = assess(lines, currency);
  std::vector<DraftLine> next{{.kind = LineKind::recurring,
                               .description = upgrade.to.name,
                               .unit_price = upgrade.price,
                               .treatment = &upgrade.treatment}};
  const Totals later = assess(next, currency);
  Quote quote{.lines = {},
              .now = {totals.net, totals.tax, totals.total},
              .recurring = {{upgrade.service.cycle, {later.net, later.tax, later.total}}},
              .due_on = today};
  for (const auto& line : lines) {
    quote.lines.push_back({line.kind, line.description, line.net, line.tax, explain(line)});
  }
  return quote;
}

Result<InvoiceId> upgrade_service(Transaction& tx, const Rules& rules, ServiceId service, ProductId product,
                                  const accounts::Actor& actor, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(upgrade, price_upgrade(tx, rules, service, product, today));
  auto lines = proration_lines(upgrade, today);
  const Currency currency = upgrade.price.currency();
  if (ledger::credit_balance(tx, upgrade.account.id, currency) < assess(lines, currency).total) {
    return conflict("credit_too_low", "The account's credit does not cover the change; add credit first.");
  }
  BURSAR_CHECK(catalog::take_stock(tx, product, 1));
  InvoiceWriter writer(rules, today, now);
  writer.add({.account = upgrade.account.id,
              .buyer_party = upgrade.account.party,
              .autopay = false,
              .kind = InvoiceKind::manual,
              .currency = currency,
              .due_on = today,
              .lines = std::move(lines)});
  const auto written = writer.flush(tx);
  BURSAR_ASSERT(written.paid.size() == 1);
  const auto changed = tx.execute(
      "UPDATE services SET product_id = $2, price = $3, version = version + 1 WHERE id = $1 AND version = $4", service,
      product, upgrade.price.minor(), upgrade.service.version);
  BURSAR_ASSERT(changed == 1);
  if (!upgrade.service.panel.empty()) raise_task(tx, upgrade, now);
  accounts::append_audit(tx, now,
                         {.at = now,
                          .actor = actor,
                          .account = upgrade.account.id,
                          .action = "service.change",
                          .object = accounts::audit_object(service)});
  return written.first;
}

}  // namespace bursar::invoicing
