#include "payments/refund_plan.hpp"

#include <algorithm>
#include <map>

#include "invoicing/derivation.hpp"

namespace bursar::payments {

namespace {

using invoicing::InvoiceKind;
using invoicing::InvoiceStatus;
using invoicing::LineLeft;

Error bad_field(std::string pointer, std::string detail) {
  return invalid("invalid_fields", "Some fields are not valid.", {{std::move(pointer), std::move(detail)}});
}

Error exceeds_payment(Money rest) {
  return conflict("refund_exceeds_payment", "Of this payment " + rest.to_string() + " is left to refund.");
}

// No lines named: the payment's credit first (unless it is to become credit), then what it paid last.
Result<RefundPlan> plan_amount(const Standing& standing, Money rest, const NewRefund& refund) {
  const Money zero = Money::zero(rest.currency());
  const bool to_credit = refund.destination == RefundDestination::credit;
  const Money most = to_credit ? std::min(rest, standing.allocated) : rest;
  const Money amount = refund.amount.value_or(most);
  if (amount > rest) return exceeds_payment(rest);
  if (amount > most || amount.is_zero()) {
    return conflict("nothing_to_refund", to_credit
                                             ? "Of this payment " + most.to_string() +
                                                   " stands on invoices; what else is left of it is credit already."
                                             : std::string("Nothing of this payment is left to refund."));
  }
  RefundPlan plan{.amount = amount, .credited = zero, .taken_back = {}};
  const Money of_credit = to_credit ? zero : std::min(amount, standing.free);
  Money left = amount - of_credit;
  for (const auto& on : standing.invoices) {
    const Money taken = std::min(left, on.amount);
    if (!taken.is_positive()) continue;
    plan.taken_back.push_back(
        {.invoice = on.invoice,
         .amount = taken,
         .lines = {},
         .whole = false,
         .derivation = invoicing::derive_refund(amount, of_credit, amount - of_credit - left, on.amount)});
    left -= taken;
  }
  BURSAR_ASSERT(left.is_zero());  // the rest is what is free and what is allocated
  return plan;
}

Result<RefundPlan> plan_lines(storage::Connection& c, const Standing& standing, Money rest, const NewRefund& refund) {
  const Money zero = Money::zero(rest.currency());
  RefundPlan plan{.amount = zero, .credited = zero, .taken_back = {}};
  Money cost = zero;
  std::vector<LineId> found;
  for (const auto& on : standing.invoices) {
    const auto left = invoicing::lines_left(c, on.invoice);
    TakenBack taken{.invoice = on.invoice, .amount = zero, .lines = with_discounts(left, refund.lines), .whole = true};
    for (const LineLeft& line : left) {
      if (std::find(taken.lines.begin(), taken.lines.end(), line.line.id) != taken.lines.end())
        taken.amount += line.gross;
    }
    if (taken.lines.empty()) continue;
    if (on.invoice.status != InvoiceStatus::paid) {
      return conflict("invoice_not_paid",
                      "An invoice that is still owed is changed by a credit note over its lines, not by a refund.");
    }
    found.insert(found.end(), taken.lines.begin(), taken.lines.end());
    cost += taken.amount;
    plan.taken_back.push_back(std::move(taken));
  }
  std::vector<FieldError> unknown;
  for (std::size_t i = 0; i < refund.lines.size(); ++i) {
    if (std::find(found.begin(), found.end(), refund.lines[i]) == found.end())
      unknown.push_back(
          {"/line_ids/" + std::to_string(i), "is no line, still billed, of an invoice this payment paid"});
  }
  if (!unknown.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(unknown));
  if (!cost.is_positive()) return conflict("nothing_to_refund", "These lines cost nothing.");
  if (!refund.amount) {
    plan.amount = std::min(cost, rest);
    plan.credited = cost - plan.amount;
    if (plan.amount.is_zero()) return exceeds_payment(rest);
    return plan;
  }
  if (*refund.amount > rest) return exceeds_payment(rest);
  if (*refund.amount > cost) return bad_field("/amount", "is more than the lines cost, " + cost.to_string());
  plan.amount = *refund.amount;
  if (plan.amount == cost) return plan;
  // A part of the lines, over the invoices in the order they were paid last.
  Money part = plan.amount;
  for (TakenBack& taken : plan.taken_back) {
    taken.whole = taken.amount <= part;
    taken.amount = std::min(taken.amount, part);
    part -= taken.amount;
  }
  std::erase_if(plan.taken_back, [](const TakenBack& taken) { return taken.amount.is_zero(); });
  return plan;
}

}  // namespace

Money refundable(const Payment& payment) {
  const bool received = payment.status == PaymentStatus::succeeded ||
                        payment.status == PaymentStatus::partially_refunded ||
                        payment.status == PaymentStatus::refunded;
  return received ? payment.received - payment.refunded - payment.disputed : Money::zero(payment.amount.currency());
}

Standing standing_of(storage::Connection& c, const Payment& payment) {
  const Money zero = Money::zero(payment.amount.currency());
  struct Sum {
    InvoiceId invoice;
    Money amount;
    std::size_t last;
  };
  std::map<InvoiceId, Sum> sums;
  std::size_t at = 0;
  for (const Allocation& allocation : allocations_of(c, payment)) {
    Sum& sum = sums.try_emplace(allocation.invoice, Sum{allocation.invoice, zero, 0}).first->second;
    sum.amount += allocation.amount;
    if (allocation.amount.is_positive()) sum.last = at;
    ++at;
  }
  std::vector<Sum> order;
  for (const auto& [id, sum] : sums) {
    if (sum.amount.is_positive()) order.push_back(sum);
  }
  std::sort(order.begin(), order.end(), [](const Sum& a, const Sum& b) { return a.last > b.last; });
  Standing standing{.invoices = {}, .allocated = zero, .free = zero};
  for (const Sum& sum : order) {
    auto invoice = invoicing::find_invoice(c, sum.invoice);
    BURSAR_ASSERT(invoice.has_value());
    if (invoice->kind == InvoiceKind::deposit) continue;
    standing.allocated += sum.amount;
    standing.invoices.push_back({*std::move(invoice), sum.amount});
  }
  const Money gone = payment.refunded + payment.disputed;
  standing.free = std::max(zero, payment.received - standing.allocated - gone);
  return standing;
}

std::vector<LineId> with_discounts(const std::vector<LineLeft>& left, const std::vector<LineId>& named) {
  const auto is_named = [&](const LineLeft& one) {
    return std::find(named.begin(), named.end(), one.line.id) != named.end();
  };
  std::vector<LineId> lines;
  for (const LineLeft& one : left) {
    const bool lowers_a_named_one =
        one.line.net.is_negative() && one.line.service && std::any_of(left.begin(), left.end(), [&](const auto& other) {
          return is_named(other) && other.line.service == one.line.service &&
                 other.line.period_start == one.line.period_start;
        });
    if (is_named(one) || lowers_a_named_one) lines.push_back(one.line.id);
  }
  return lines;
}

Result<RefundPlan> plan_refund(storage::Connection& c, const Payment& payment, const NewRefund& refund) {
  const bool received = payment.status == PaymentStatus::succeeded ||
                        payment.status == PaymentStatus::partially_refunded ||
                        payment.status == PaymentStatus::refunded;
  if (!received) return conflict("payment_not_received", "The payment brought no money that could be refunded.");
  if (refund.amount && (refund.amount->currency() != payment.amount.currency() || !refund.amount->is_positive())) {
    return bad_field("/amount", "must be positive and in " + std::string(payment.amount.currency().code()));
  }
  const Money rest = refundable(payment);
  if (!rest.is_positive()) return exceeds_payment(rest);
  const Standing standing = standing_of(c, payment);
  BURSAR_TRY(plan, refund.lines.empty() ? plan_amount(standing, rest, refund) : plan_lines(c, standing, rest, refund));
  for (const TakenBack& taken : plan.taken_back) BURSAR_CHECK(invoicing::check_correctable(taken.invoice));
  return plan;
}

}  // namespace bursar::payments
