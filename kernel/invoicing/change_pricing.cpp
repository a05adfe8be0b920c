#include "invoicing/change_pricing.hpp"

#include "base/assert.hpp"
#include "catalog/promotions.hpp"
#include "invoicing/derivation.hpp"

namespace bursar::invoicing {
namespace {

using services::Service;
using services::ServiceStatus;
using storage::Connection;

Error bad_product(std::string detail) {
  return invalid("invalid_change", "The service cannot change so.", {{"/product_id", std::move(detail)}});
}

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
  if (c.query("SELECT 1 FROM service_changes WHERE service_id = $1 AND status = 'awaiting_payment'", service.id)
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
  InvoiceId base_invoice;
  std::optional<Money> discount;  // as the last change in the period left it
  std::vector<std::int64_t> invoices;
};

// What billed the period and the changes in it.
InForce terms_in_force(Connection& c, const Service& service, const Period& period) {
  InForce found;
  {
    auto rows = c.query(
        "SELECT base_invoice_id, invoice_id, to_discount FROM service_changes WHERE service_id = $1"
        " AND status = 'applied' AND period_end = $2 ORDER BY sequence",
        service.id, period.end);
    while (rows.next()) {
      found.base_invoice = rows.id<InvoiceId>(0);
      if (!rows.is_null(1)) found.invoices.push_back(rows.integer(1));
      found.discount = Money(rows.integer(2), service.price.currency());
    }
  }
  if (!found.base_invoice) {
    auto rows = c.query(
        "SELECT invoice_id FROM invoice_lines WHERE service_id = $1 AND period_start = $2 AND kind = 'recurring'"
        " AND removed_at IS NULL",
        service.id, period.start);
    if (rows.next()) found.base_invoice = rows.id<InvoiceId>(0);
  }
  if (found.base_invoice) found.invoices.push_back(found.base_invoice.value());
  return found;
}

bool taxed_as(const storage::Rows& rows, int column, const catalog::TaxTreatment& treatment) {
  return rows.text(column) == treatment.category && rows.text(column + 1) == treatment.place &&
         rows.boolean(column + 2) == treatment.inclusive &&
         rows.integer(column + 3) * treatment.rate.den == treatment.rate.num * 100'000'000;
}

// The days left can be credited only as far as they were paid for, and by the tax that was paid on them. Answers what
// promotions took off the lines.
Result<Money> check_lines(Connection& c, const Service& service, const Period& period, const InForce& in_force,
                          const catalog::TaxTreatment& treatment) {
  Money discount = Money::zero(service.price.currency());
  auto rows = c.query(
      "SELECT l.kind, l.unit_price, i.status, l.tax_category, l.tax_place, l.tax_inclusive, l.tax_rate,"
      " CASE WHEN EXISTS (SELECT 1 FROM credit_note_lines n JOIN credit_notes cn ON cn.id = n.credit_note_id"
      " WHERE n.line_id = l.id AND cn.service_change_id IS NULL) THEN 1 ELSE 0 END"
      " FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.invoice_id IN {list:$1}"
      " AND l.service_id = $2 AND l.period_end = $3 ORDER BY l.id",
      std::span<const std::int64_t>(in_force.invoices), service.id, period.end);
  bool any = false;
  while (rows.next()) {
    any = true;
    if (rows.text(2) == "open") {
      return conflict("period_unpaid", "The period under way is not paid; pay its invoice first.");
    }
    if (rows.boolean(7) || (rows.text(2) != "paid" && rows.text(2) != "refunded")) {
      return conflict("period_corrected", "The period under way was given back in part; change in the next one.");
    }
    if (!taxed_as(rows, 3, treatment)) {
      return conflict("tax_changed", "The period under way was taxed otherwise; change in the next one.");
    }
    if (rows.text(0) == "discount") discount -= Money(rows.integer(1), service.price.currency());
  }
  if (!any) return conflict("period_corrected", "The period under way was not billed here; change in the next one.");
  return in_force.discount.value_or(discount);
}

Result<const catalog::Price*> new_terms(const Service& service, const catalog::Product& from,
                                        const std::optional<catalog::Product>& to) {
  if (!to || to->retired) return bad_product("is not a product that can be ordered");
  if (to->id == from.id) return bad_product("is what the service is already");
  const auto* price = to->price(service.price.currency(), service.cycle);
  if (price == nullptr) {
    return bad_product("is not sold " + service.cycle.name() + " in " + std::string(service.price.currency().code()));
  }
  if (to->panel != service.panel) return bad_product("is run by another panel; order it and cancel this service");
  if (to->tax_class != from.tax_class) return bad_product("is taxed otherwise; order it and cancel this service");
  return price;
}

// A promotion goes on where it is for the new product too.
void apply_promotion(Connection& c, PricedChange& change) {
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

}  // namespace

Result<PricedChange> price_change(Connection& c, const Rules& rules, const ChangeRequest& request, CivilDate today) {
  auto service = services::find_service(c, request.service);
  if (!service) return not_found("no_such_service", "There is no such service.");
  auto account = accounts::find_account(c, service->account);
  auto from = catalog::find_product(c, service->product);
  BURSAR_ASSERT(account.has_value() && from.has_value());
  BURSAR_CHECK(check_service(c, *service));
  auto to = catalog::find_product(c, request.product);
  BURSAR_TRY(price, new_terms(*service, *from, to));
  BURSAR_TRY(period, period_under_way(*service, today));
  auto treatment = rules.tax.treatment({.country = account->address.country,
                                        .region = account->address.region,
                                        .tax_id = account->tax_id,
                                        .exempt = account->tax_exempt},
                                       to->tax_class);
  const InForce in_force = terms_in_force(c, *service, period);
  BURSAR_TRY(discount, check_lines(c, *service, period, in_force, treatment));
  const Money none = Money::zero(service->price.currency());
  PricedChange change{.account = *std::move(account),
                      .service = *service,
                      .from = *std::move(from),
                      .to = *to,
                      .old_price = {service->price, discount},
                      .new_price = {price->amount, none},
                      .later_price = price->amount,
                      .period = period,
                      .base_invoice = in_force.base_invoice,
                      .treatment = std::move(treatment)};
  apply_promotion(c, change);
  if (change.new_price.net() < change.old_price.net()) return bad_product("costs less than the service does");
  return change;
}

std::vector<DraftLine> proration_lines(const PricedChange& change, CivilDate today) {
  const Period rest{today, change.period.end};
  std::vector<DraftLine> lines;
  const auto add = [&](const char* prefix, const catalog::Product& product, const PeriodPrice& price, int sign) {
    const Money share = prorate(price.net(), change.period, today);
    if (share.is_zero()) return;
    lines.push_back(
        {.kind = LineKind::proration,
         .service = change.service.id,
         .period = rest,
         .description = prefix + describe_period(product.name, change.service.label, rest),
         .unit_code = product.unit_code,
         .unit_price = sign < 0 ? -share : share,
         .treatment = &change.treatment,
         .derivation = derive_proration(price.price, price.discount, remaining_share(change.period, today), sign)});
  };
  add("Unused: ", change.from, change.old_price, -1);
  add("", change.to, change.new_price, 1);
  return lines;
}

}  // namespace bursar::invoicing
