#include "payments/refunded_periods.hpp"

#include <map>

#include "catalog/products.hpp"
#include "invoicing/periods.hpp"
#include "services/cancellation.hpp"
#include "services/services.hpp"

namespace bursar::payments {

namespace {

using services::Service;
using settings::RefundedService;

// Ends it for the customer: periods from `from` on are owed no more, and the open invoices over later ones are
// corrected by the daily run, as for any cancellation.
void end_service(storage::Transaction& tx, const invoicing::Rules& rules, const Service& service, CivilDate from,
                 bool at_once, const accounts::Actor& actor, Instant now) {
  const CivilDate today = rules.today(now);
  const bool has_begun = from <= today;
  const auto kind =
      at_once || has_begun ? services::CancellationKind::immediate : services::CancellationKind::end_of_period;
  const auto asked = services::request_cancellation(tx, service.id, kind, "Refunded", actor, today, now);
  BURSAR_ASSERT(asked.ok());  // it runs
  if (!at_once) return;
  const services::Cause cause{.actor = actor, .reason = "refunded"};
  services::change_services(tx, {&service.id, 1}, services::Change::cancel, cause, now);
}

}  // namespace

RefundedPeriods::RefundedPeriods(storage::Connection& c, const RefundPlan& plan) {
  for (const TakenBack& taken : plan.taken_back) {
    for (const auto& line : invoicing::lines_left(c, taken.invoice)) {
      const auto begins = invoicing::first_day_billed(c, line.line);
      if (begins) billed_.push_back({line.line.id, line.line.service, *begins});
    }
  }
}

void RefundedPeriods::settle_services(storage::Transaction& tx, const Context& context,
                                      std::optional<RefundedService> effect, const accounts::Actor& actor,
                                      Instant now) const {
  std::map<ServiceId, CivilDate> refunded;  // with the first day of the first period
  for (const Billed& billed : billed_) {
    if (!tx.query("SELECT 1 FROM invoice_lines WHERE id = $1 AND removed_at IS NOT NULL", billed.line).next()) continue;
    const auto [at, is_new] = refunded.emplace(billed.service, billed.period_start);
    if (!is_new) at->second = std::min(at->second, billed.period_start);
  }
  for (const auto& [id, from] : refunded) {
    const auto service = services::find_service(tx, id);
    BURSAR_ASSERT(service.has_value());
    if (service->ended()) continue;
    const auto product = catalog::find_product(tx, service->product);
    const auto& rule = context.rules.billing.refunds.rule_of(product ? product->code : "");
    const RefundedService fate = effect.value_or(rule.service);
    if (fate != RefundedService::keep || rule.owed_again) invoicing::take_back_periods(tx, *service, from);
    if (fate == RefundedService::keep) continue;
    end_service(tx, context.rules, *service, from, fate == RefundedService::terminate_now, actor, now);
  }
}

}  // namespace bursar::payments
