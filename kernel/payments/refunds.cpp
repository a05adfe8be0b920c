#include "payments/refunds.hpp"

#include <array>
#include <utility>

#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/invoices.hpp"
#include "ledger/journal.hpp"
#include "payments/refund_booking.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

constexpr std::array<std::pair<RefundDestination, std::string_view>, 3> destination_names{{
    {RefundDestination::gateway, "gateway"},
    {RefundDestination::credit, "credit"},
    {RefundDestination::external, "external"},
}};

Refund read_refund(storage::Rows& rows) {
  return {.id = rows.id<RefundId>(0),
          .account = rows.id<AccountId>(1),
          .payment = rows.id<PaymentId>(2),
          .destination = refund_destination(rows.text(3)).value(),
          .status = rows.string(4),
          .amount = Money(rows.integer(6), stored_currency(rows.text(5))),
          .reference = rows.string(7),
          .reason = rows.string(8),
          .created_at = rows.instant(9),
          .settled_at = rows.optional_instant(10)};
}

Error bad_field(std::string pointer, std::string detail) {
  return invalid("invalid_fields", "Some fields are not valid.", {{std::move(pointer), std::move(detail)}});
}

// Of `amount`, what has to be taken back from the payment's invoice. The surplus of the payment is credit already and
// goes first.
Money from_invoice(storage::Transaction& tx, const Payment& payment, const NewRefund& refund, Money amount) {
  if (refund.destination == RefundDestination::credit) return amount;
  const auto invoice = invoicing::find_invoice(tx, payment.invoice);
  // A deposit became credit when it was paid: there is no sale to take back.
  if (invoice && invoice->kind == invoicing::InvoiceKind::deposit) return Money::zero(amount.currency());
  Money allocated = Money::zero(amount.currency());
  for (const auto& allocation : allocations_of(tx, payment)) allocated += allocation.amount;
  const Money surplus = payment.received - allocated;
  const Money surplus_left = payment.refunded < surplus ? surplus - payment.refunded : Money::zero(amount.currency());
  return amount > surplus_left ? amount - surplus_left : Money::zero(amount.currency());
}

Status check(const Context& context, const Payment& payment, const NewRefund& refund, Money amount) {
  const bool received = payment.status == PaymentStatus::succeeded ||
                        payment.status == PaymentStatus::partially_refunded ||
                        payment.status == PaymentStatus::refunded;
  if (!received) return conflict("payment_not_received", "The payment brought no money that could be refunded.");
  if (amount.currency() != payment.amount.currency() || !amount.is_positive()) {
    return bad_field("/amount", "must be positive and in " + std::string(payment.amount.currency().code()));
  }
  if (payment.refunded + amount > payment.received) {
    return conflict("refund_exceeds_payment",
                    "Of this payment " + (payment.received - payment.refunded).to_string() + " is left to refund.");
  }
  if (refund.destination != RefundDestination::gateway) return {};
  const Gateway* gateway = context.gateways.find(payment.gateway);
  const bool whole = amount == payment.received;
  if (gateway == nullptr || !gateway->info().refunds || (!whole && !gateway->info().partial_refunds)) {
    return conflict("gateway_cannot_refund",
                    gateway == nullptr || !gateway->info().refunds
                        ? "The gateway can't refund; refund to credit or by hand."
                        : "The gateway refunds whole payments only; refund to credit or by hand.");
  }
  return {};
}

void insert(storage::Transaction& tx, const Refund& refund, Instant now) {
  tx.execute(
      "INSERT INTO refunds (id, account_id, payment_id, destination, status, currency, amount, reason, created_at, "
      "settled_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      refund.id, refund.account, refund.payment, to_string(refund.destination), refund.status,
      refund.amount.currency().code(), refund.amount.minor(), refund.reason, now, refund.settled_at);
  tx.execute(
      "UPDATE payments SET refunded = refunded + $2, version = version + 1, "
      "status = CASE WHEN refunded + $2 = received THEN 'refunded' ELSE 'partially_refunded' END WHERE id = $1",
      refund.payment, refund.amount.minor());
}

}  // namespace

std::string_view to_string(RefundDestination destination) {
  for (const auto& [known, name] : destination_names) {
    if (known == destination) return name;
  }
  invariant_broken("a destination without a name", __FILE__, __LINE__);
}

std::optional<RefundDestination> refund_destination(std::string_view text) {
  for (const auto& [known, name] : destination_names) {
    if (name == text) return known;
  }
  return std::nullopt;
}

std::optional<Refund> find_refund(storage::Connection& c, RefundId id) {
  auto rows = c.query(
      "SELECT id, account_id, payment_id, destination, status, currency, amount, gateway_reference, reason, "
      "created_at, settled_at FROM refunds WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_refund(rows);
}

std::vector<Refund> refunds_of(storage::Connection& c, PaymentId payment) {
  auto rows = c.query(
      "SELECT id, account_id, payment_id, destination, status, currency, amount, gateway_reference, reason, "
      "created_at, settled_at FROM refunds WHERE payment_id = $1 ORDER BY id",
      payment);
  std::vector<Refund> out;
  while (rows.next()) out.push_back(read_refund(rows));
  return out;
}

Result<RefundId> record_refund(storage::Transaction& tx, const Context& context, const NewRefund& request,
                               const accounts::Actor& actor, Instant now) {
  const auto payment = find_payment(tx, request.payment);
  if (!payment) return not_found("no_such_payment", "There is no such payment.");
  std::vector<FieldError> errors;
  accounts::check_text("/reason", request.reason, 1, 500, accounts::Lines::one, errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  const Money amount = request.amount.value_or(payment->received - payment->refunded);
  BURSAR_CHECK(check(context, *payment, request, amount));

  if (const Money taken = from_invoice(tx, *payment, request, amount); taken.is_positive()) {
    BURSAR_TRY(corrected, invoicing::credit_amount(tx, context.rules, payment->invoice, taken, request.reason, now));
    (void)corrected;  // its credit is asked for just below, in the ledger
  }
  if (ledger::credit_balance(tx, payment->account, amount.currency()) < amount) {
    return conflict("refund_exceeds_credit", "What this payment brought is spent: the account has less credit.");
  }
  const bool to_gateway = request.destination == RefundDestination::gateway;
  const Refund refund{.id = tx.new_id<RefundId>(),
                      .account = payment->account,
                      .payment = payment->id,
                      .destination = request.destination,
                      .status = to_gateway ? "pending" : "succeeded",
                      .amount = amount,
                      .reference = {},
                      .reason = request.reason,
                      .created_at = now,
                      .settled_at = to_gateway ? std::nullopt : std::optional(now)};
  insert(tx, refund, now);
  if (request.destination != RefundDestination::credit) book_refund_sent(tx, context, refund, payment->gateway, now);
  if (to_gateway) {
    const effects::NewEffect effect{.kind = "refund",
                                    .key = "refund:" + std::to_string(refund.id.value()) + ":1",
                                    .instance = payment->gateway,
                                    .account = refund.account,
                                    .object = refund.id.value()};
    effects::record(tx, now, {&effect, 1});
  }
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = refund.account,
                          .action = "payment.refund",
                          .object = accounts::audit_object(refund.id),
                          .detail = "{\"amount\":\"" + amount.to_string() + "\",\"to\":\"" +
                                    std::string(to_string(request.destination)) + "\"}"});
  return refund.id;
}

}  // namespace bursar::payments
