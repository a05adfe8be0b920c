#include "invoicing/change_pricing.hpp"

#include <algorithm>
#include <span>

#include "base/assert.hpp"
#include "catalog/promotions.hpp"
#include "invoicing/derivation.hpp"

namespace bursar::invoicing {
namespace {

using services::Service;
using services::ServiceStatus;
using storage::Connection;

Error bad(const char* pointer, std::string detail) {
  return invalid("invalid_change", "The service cannot change so.", {{pointer, std::move(detail)}});
}
Error bad_product(std::string detail) { return bad("/product_id", std::move(detail)); }

Status check_service(Connection& c, const Service& service) {
  if (service.status != ServiceStatus::active) {
    return conflict("service_not_active", "Only an active service can change; this one is " +
                                              std::string(services::to_string(service.status)) + ".");
  }
  if (!service.cycle.is_recurring()) {
    return conflict("service_not_recurring", "The service was paid once and has no period to prorate; order anew.");
  }
  if (service.cancel_on) {
    return conflict("cancellation_requested", "The service is to be cancelled; withdraw that first.");
  }
  if (c.query("SELECT 1 FROM service_changes WHERE service_id = $1 AND status IN ('awaiting_payment', 'scheduled')",
              service.id)
          .next()) {
    return conflict("change_pending", "A change of the service is pending; pay its invoice or withdraw it first.");
  }
  if (c.query("SELECT 1 FROM service_changes WHERE service_id = $1 AND plan_state = 'wanted'", service.id).next()) {
    return conflict("panel_at_work", "The panel is still at work on the last change; try again when it is done.");
  }
  return {};
}

// The period that `today` lies in. Later ones may be invoiced already.
Result<Period> period_under_way(const Service& service, CivilDate today) {
  int k = service.periods_invoiced - 1;
  if (k < 0 || service.period_start(k + 1) <= today) {
    return conflict("renewal_due", "The service renews today; try again after the daily run.");
  }
  while (k > 0 && service.period_start(k) > today) --k;
  if (service.period_start(k) > today) {
    return conflict("renewal_due", "The first period of the service has not begun; try again then.");
  }
  return Period{service.period_start(k), service.period_start(k + 1)};
}

struct InForce {
  InvoiceId base_invoice;  // billed the period, or the one that a longer cycle broke off
  Money discount;
  std::int64_t rounding = 0;
  std::vector<std::int64_t> invoices = {};
  bool changed = false;  // by an earlier change
};

void read_last_change(Connection& c, const Service& service, const Period& period, InForce& found) {
  auto rows = c.query(
      "SELECT base_invoice_id, to_discount, rounding FROM service_changes WHERE service_id = $1 AND status = 'applied'"
      " AND takes_effect = 'immediate' AND period_end = $2 ORDER BY sequence DESC LIMIT 1",
      service.id, period.end);
  if (!rows.next()) return;
  found.base_invoice = rows.id<InvoiceId>(0);
  found.discount = Money(rows.integer(1), service.price.currency());
  found.rounding = rows.integer(2);
  found.changed = true;
}

void read_billing(Connection& c, const Service& service, const Period& period, InForce& found) {
  {
    auto rows = c.query(
        "SELECT invoice_id FROM invoice_lines WHERE service_id = $1 AND period_start = $2 AND kind = 'recurring'"
        " AND removed_at IS NULL",
        service.id, period.start);
    if (!rows.next()) return;
    found.base_invoice = rows.id<InvoiceId>(0);
  }
  auto rows = c.query(
      "SELECT unit_price FROM invoice_lines WHERE invoice_id = $1 AND service_id = $2 AND period_start = $3"
      " AND kind = 'discount' AND removed_at IS NULL",
      found.base_invoice, service.id, period.start);
  while (rows.next()) found.discount -= Money(rows.integer(0), service.price.currency());
}

// What billed the period and the changes in it.
InForce terms_in_force(Connection& c, const Service& service, const Period& period) {
  InForce found{.base_invoice = {}, .discount = Money::zero(service.price.currency())};
  read_last_change(c, service, period, found);
  if (!found.changed) read_billing(c, service, period, found);
  if (!found.base_invoice) return found;
  found.invoices.push_back(found.base_invoice.value());
  auto rows = c.query(
      "SELECT invoice_id FROM service_changes WHERE service_id = $1 AND status = 'applied' AND base_invoice_id = $2"
      " AND invoice_id IS NOT NULL ORDER BY sequence",
      service.id, found.base_invoice);
  while (rows.next()) found.invoices.push_back(rows.integer(0));
  return found;
}

bool taxed_as(const storage::Rows& rows, int column, const catalog::TaxTreatment& treatment) {
  return rows.text(column) == treatment.category && rows.text(column + 1) == treatment.place &&
         rows.boolean(column + 2) == treatment.inclusive &&
         rows.integer(column + 3) * treatment.rate.den == treatment.rate.num * 100'000'000;
}

// The days left can be credited only as far as they were paid for, and by the tax that was paid on them.
Status check_lines(Connection& c, const PricedChange& change) {
  auto rows = c.query(
      "SELECT i.status, l.tax_category, l.tax_place, l.tax_inclusive, l.tax_rate,"
      " CASE WHEN EXISTS (SELECT 1 FROM credit_note_lines n JOIN credit_notes cn ON cn.id = n.credit_note_id"
      " WHERE n.line_id = l.id AND cn.service_change_id IS NULL) THEN 1 ELSE 0 END"
      " FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.invoice_id IN {list:$1}"
      " AND l.service_id = $2 AND l.kind IN ('recurring', 'discount', 'proration') ORDER BY l.id",
      std::span<const std::int64_t>(change.invoices), change.service.id);
  bool any = false;
  while (rows.next()) {
    any = true;
    if (rows.text(0) == "open") {
      return conflict("period_unpaid", "The period under way is not paid; pay its invoice first.");
    }
    if (rows.boolean(5) || (rows.text(0) != "paid" && rows.text(0) != "refunded")) {
      return conflict("period_corrected",
                      "The period under way was given back in part; change at the end of the period.");
    }
    if (!taxed_as(rows, 1, change.treatment)) {
      return conflict("tax_changed", "The period under way was taxed otherwise; change at the end of the period.");
    }
  }
  if (!any) {
    return conflict("period_corrected", "The period under way was not billed here; change at the end of the period.");
  }
  return {};
}

Result<Money> new_price(const Service& service, const catalog::Product& from, const std::optional<catalog::Product>& to,
                        BillingCycle cycle) {
  const Currency currency = service.price.currency();
  if (!to || (to->retired && to->id != from.id)) return bad_product("is not a product that can be ordered");
  if (to->id == from.id && cycle == service.cycle) return bad_product("is what the service is already");
  if (!cycle.is_recurring()) return bad("/cycle", "must recur");
  const auto* price = to->price(currency, cycle);
  if (price == nullptr) {
    const bool sold = std::any_of(to->prices.begin(), to->prices.end(),
                                  [&](const catalog::Price& p) { return p.amount.currency() == currency; });
    if (!sold) return bad_product("is not sold in " + std::string(currency.code()));
    return bad("/cycle", "the product is not sold " + cycle.name() + " in " + std::string(currency.code()));
  }
  if (to->panel != service.panel) return bad_product("is run by another panel; order it and cancel this service");
  if (to->tax_class != from.tax_class) return bad_product("is taxed otherwise; order it and cancel this service");
  return price->amount;
}

// A promotion goes on where it is for the new product too; another cycle ends it.
void apply_promotion(Connection& c, PricedChange& change) {
  if (change.cycle != change.service.cycle) return;
  auto rows = c.query("SELECT promotion_id, promotion_periods_left FROM services WHERE id = $1", change.service.id);
  BURSAR_ASSERT(rows.next());
  const auto id = rows.id<PromotionId>(0);
  const bool for_ever = rows.is_null(1);
  const auto promotion = id ? catalog::find_promotion(c, id) : std::nullopt;
  if (!promotion || !promotion->applies_to(change.to.id, change.service.price.currency())) return;
  const Money off = promotion->discount(change.new_price.price);
  if (change.old_price.discount.is_positive()) change.new_price.discount = off;
  if (for_ever) change.later_price -= off;
}

// A longer cycle is charged whole, and what rounding took of the period that it breaks off is not handed on: the days
// of the two are no common measure.
Proration share_of(const PricedChange& change, CivilDate today) {
  const Money none = Money::zero(change.service.price.currency());
  const Money old_price = change.old_price.net(), new_price = change.new_price.net();
  if (change.cycle == change.service.cycle) return prorate(old_price, new_price, change.period, today, change.rounding);
  Proration share = prorate(old_price, none, change.period, today, change.rounding);
  share.charged = new_price;
  share.left_over = share.rounding = 0;
  return share;
}

// At once, unless that would give money back that the provider does not give, or break a longer period off.
Status decide_timing(const Rules& rules, std::optional<ChangeTiming> wanted, PricedChange& change) {
  const bool same_cycle = change.cycle == change.service.cycle;
  const bool shorter = change.cycle < change.service.cycle;
  const bool cheaper =
      same_cycle ? change.new_price.net() < change.old_price.net() : change.share.charged < change.share.unused;
  const bool gives_credit = same_cycle && rules.billing.downgrade_credit == settings::DowngradeCredit::credit;
  const bool at_once = !shorter && (!cheaper || gives_credit);
  change.timing = wanted.value_or(at_once ? ChangeTiming::immediate : ChangeTiming::end_of_period);
  if (at_once || change.timing == ChangeTiming::end_of_period) return {};
  return conflict("only_at_end_of_period",
                  "What is worth less, or has a shorter cycle, takes effect when the period ends; ask for that.");
}

}  // namespace

Result<PricedChange> price_change(Connection& c, const Rules& rules, const ChangeRequest& request, CivilDate today) {
  auto service = services::find_service(c, request.service);
  if (!service) return not_found("no_such_service", "There is no such service.");
  auto account = accounts::find_account(c, service->account);
  auto from = catalog::find_product(c, service->product);
  BURSAR_ASSERT(account.has_value() && from.has_value());
  BURSAR_CHECK(check_service(c, *service));
  const BillingCycle cycle = request.cycle.value_or(service->cycle);
  auto to = request.product ? catalog::find_product(c, request.product) : from;
  BURSAR_TRY(price, new_price(*service, *from, to, cycle));
  BURSAR_TRY(period, period_under_way(*service, today));
  const catalog::TaxBuyer buyer{.country = account->address.country,
                                .region = account->address.region,
                                .tax_id = account->tax_id,
                                .exempt = account->tax_exempt};
  InForce in_force = terms_in_force(c, *service, period);
  const bool same_cycle = cycle == service->cycle;
  const Money none = Money::zero(price.currency());
  PricedChange change{.account = *std::move(account),
                      .service = *service,
                      .from = *std::move(from),
                      .to = *to,
                      .cycle = cycle,
                      .old_price = {service->price, in_force.discount},
                      .new_price = {price, none},
                      .later_price = price,
                      .period = period,
                      .new_period = same_cycle ? period : Period{today, due_date(today, today.day(), cycle, 1)},
                      .rounding = in_force.rounding,
                      .share = {.unused = none, .charged = none},
                      .base_invoice = in_force.base_invoice,
                      .invoices = std::move(in_force.invoices),
                      .treatment = rules.tax.treatment(buyer, to->tax_class)};
  apply_promotion(c, change);
  change.share = share_of(change, today);
  BURSAR_CHECK(decide_timing(rules, request.timing, change));
  if (change.timing == ChangeTiming::immediate) BURSAR_CHECK(check_lines(c, change));
  return change;
}

std::vector<DraftLine> proration_lines(const PricedChange& change, CivilDate today) {
  std::vector<DraftLine> lines;
  const auto add = [&](const char* prefix, const catalog::Product& product, const Period& period,
                       const PeriodPrice& price, Money share, std::int64_t carried) {
    if (share.is_zero()) return;
    const Period rest{today, period.end};
    const int sign = share.is_negative() ? -1 : 1;
    lines.push_back(
        {.kind = LineKind::proration,
         .service = change.service.id,
         .period = rest,
         .description = prefix + describe_period(product.name, change.service.label, rest),
         .unit_code = product.unit_code,
         .unit_price = share,
         .treatment = &change.treatment,
         .derivation = derive_proration(price.price, price.discount, remaining_share(period, today), sign, carried)});
  };
  if (change.timing == ChangeTiming::end_of_period || change.share.unused == change.share.charged) return lines;
  add("Unused: ", change.from, change.period, change.old_price, -change.share.unused, change.rounding);
  add("", change.to, change.new_period, change.new_price, change.share.charged, change.share.left_over);
  return lines;
}

}  // namespace bursar::invoicing
