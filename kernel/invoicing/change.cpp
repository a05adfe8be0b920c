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

std::int64_t store(Transaction& tx, const PricedChange& change, InvoiceId invoice, const std::string& derivation,
                   const accounts::Actor& actor, CivilDate today, Instant now) {
  const auto& service = change.service;
  const bool at_once = change.timing == ChangeTiming::immediate;
  const std::int64_t id = tx.reserve_ids(1);
  const CivilDate lapses_on = std::min(today.plus_days(days_to_pay), change.period.end);
  tx.execute(
      "INSERT INTO service_changes (id, service_id, sequence, account_id, status, takes_effect, currency,"
      " from_product_id, from_cycle, from_price, to_product_id, to_cycle, to_price, to_discount, rounding, derivation,"
      " effective_on, period_end, next_period_on, base_invoice_id, invoice_id, look_on, requested_at, requested_by)"
      " VALUES ($1, $2, (SELECT coalesce(max(sequence), 0) + 1 FROM service_changes WHERE service_id = $2), $3, $4, $5,"
      " $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
      id, service.id, service.account, to_string(at_once ? ChangeStatus::awaiting_payment : ChangeStatus::scheduled),
      to_string(change.timing), service.price.currency().code(), service.product, service.cycle.to_string(),
      service.price.minor(), change.to.id, change.cycle.to_string(), change.new_price.price.minor(),
      change.new_price.discount.minor(), at_once ? change.share.rounding : 0, derivation, change.effective_on(today),
      at_once ? change.new_period.end : change.period.end, change.period.end, change.base_invoice, invoice,
      at_once ? lapses_on : today, now, actor.user);
  tx.execute("UPDATE services SET version = version + 1 WHERE id = $1", service.id);
  return id;
}

// The days left become account credit, by credit notes on what billed them, the newest first.
// Never more than they are still worth.
void give_credit(Transaction& tx, const Rules& rules, const PricedChange& change, std::int64_t id, Money due,
                 const std::string& reason, Instant now) {
  Money given = Money::zero(due.currency());
  for (auto at = change.invoices.rbegin(); at != change.invoices.rend() && given < due; ++at) {
    const auto invoice = find_invoice(tx, InvoiceId(*at));
    BURSAR_ASSERT(invoice.has_value());
    std::vector<LineId> lines;
    Money left = Money::zero(due.currency());
    for (const auto& open : lines_left(tx, *invoice)) {
      const bool of_period = open.line.service == change.service.id && open.line.kind != LineKind::setup;
      if (!of_period) continue;
      lines.push_back(open.line.id);
      left += open.gross;
    }
    if (!left.is_positive()) continue;
    const Money part = std::min(left, due - given);
    const auto corrected = credit_amount(tx, rules, invoice->id, part, reason, now, lines);
    BURSAR_ASSERT(corrected.ok());
    tx.execute("UPDATE credit_notes SET service_change_id = $2 WHERE id = $1", corrected->credit_note, id);
    given += part;
  }
  tx.execute("UPDATE service_changes SET credit = $2 WHERE id = $1", id, given.minor());
}

std::string derivation_of(const PricedChange& change, const std::vector<DraftLine>& lines) {
  if (change.timing == ChangeTiming::end_of_period) {
    return "The period under way is paid for as it is; the new terms are billed from " + change.period.end.to_string() +
           " on.";
  }
  std::string text;
  for (const auto& line : lines) {
    text +=
        (text.empty() ? "" : "; ") + line.description + ": " + derivation_in_words(line.derivation, line.unit_price);
  }
  return text.empty() ? "What the days left are worth is the same." : text;
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

Result<ChangeQuote> quote_change(Connection& c, const Rules& rules, const ChangeRequest& request, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(change, price_change(c, rules, request, today));
  auto lines = proration_lines(change, today);
  const Currency currency = change.service.price.currency();
  std::vector<DraftLine> later{{.kind = LineKind::recurring,
                                .description = change.to.name,
                                .unit_price = change.later_price,
                                .treatment = &change.treatment}};
  ChangeQuote answer{.quote = {.lines = {},
                               .now = amounts_of(assess(lines, currency)),
                               .recurring = {{change.cycle, amounts_of(assess(later, currency))}},
                               .due_on = today},
                     .timing = change.timing,
                     .effective_on = change.effective_on(today)};
  for (const auto& line : lines) {
    answer.quote.lines.push_back({line.kind, line.description, line.net, line.tax,
                                  derivation_in_words(line.derivation, line.unit_price) + "; " + explain(line)});
  }
  return answer;
}

Result<ServiceChange> request_change(Transaction& tx, const Rules& rules, const ChangeRequest& request,
                                     const accounts::Actor& actor, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_TRY(change, price_change(tx, rules, request, today));
  if (change.to.id != change.from.id) BURSAR_CHECK(catalog::take_stock(tx, change.to.id, 1));
  auto lines = proration_lines(change, today);
  const Money total = assess(lines, change.service.price.currency()).total;
  const std::string derivation = derivation_of(change, lines);
  InvoiceId invoice;
  if (total.is_positive()) invoice = write_invoice(tx, rules, change, std::move(lines), today, now);
  const std::int64_t id = store(tx, change, invoice, derivation, actor, today, now);
  audit(tx, change.account.id, change.service.id, "service.request_change",
        "{\"product\":" + json_string(change.to.code) + ",\"cycle\":" + json_string(change.cycle.to_string()) +
            ",\"when\":" + json_string(to_string(change.timing)) + "}",
        actor, now);
  const bool unpaid = invoice && find_invoice(tx, invoice)->status == InvoiceStatus::open;
  if (change.timing == ChangeTiming::immediate && !unpaid) {
    apply_change(tx, *find_change(tx, id), now);
    if (total.is_negative()) give_credit(tx, rules, change, id, -total, derivation, now);
  }
  return *find_change(tx, id);
}

Status withdraw_change(Transaction& tx, const Rules& rules, ServiceId id, const accounts::Actor& actor, Instant now) {
  const auto service = services::find_service(tx, id);
  if (!service) return not_found("no_such_service", "There is no such service.");
  const std::int64_t key = id.value();
  const auto pending = pending_changes(tx, {&key, 1});
  if (pending.empty()) return conflict("no_change_pending", "No change of this service is pending.");
  const ServiceChange& change = pending.begin()->second;
  if (change.billed) {
    return conflict("change_billed",
                    "The next period is billed by the new terms already; change back when it has begun.");
  }
  if (change.invoice) {
    BURSAR_CHECK(void_invoice(tx, rules, change.invoice, "Change withdrawn", now));
  } else {
    close_change(tx, change, Closed::withdrawn, now);
  }
  audit(tx, service->account, id, "service.withdraw_change", "", actor, now);
  return {};
}

}  // namespace bursar::invoicing
