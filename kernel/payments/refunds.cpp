#include "payments/refunds.hpp"

#include <array>
#include <utility>

#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "invoicing/allocations.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/settlement.hpp"
#include "ledger/journal.hpp"
#include "payments/refund_booking.hpp"
#include "payments/refund_plan.hpp"
#include "payments/refunded_periods.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

using ledger::LedgerAccount;

constexpr std::array<std::pair<RefundDestination, std::string_view>, 3> destination_names{{
    {RefundDestination::gateway, "gateway"},
    {RefundDestination::credit, "credit"},
    {RefundDestination::external, "external"},
}};

Refund read_refund(storage::Rows& rows) {
  const Currency currency = stored_currency(rows.text(5));
  return {.id = rows.id<RefundId>(0),
          .account = rows.id<AccountId>(1),
          .payment = rows.id<PaymentId>(2),
          .gateway = rows.string(13),
          .destination = refund_destination(rows.text(3)).value(),
          .status = rows.string(4),
          .amount = Money(rows.integer(6), currency),
          .credited = Money(rows.integer(11), currency),
          .reference = rows.string(7),
          .reason = rows.string(8),
          .request = rows.id<RefundRequestId>(12),
          .created_at = rows.instant(9),
          .settled_at = rows.optional_instant(10)};
}

Status check_gateway(const Context& context, const Payment& payment, const NewRefund& refund, Money amount) {
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

Status check_by_hand(const Context& context, const NewRefund& refund) {
  std::vector<FieldError> errors;
  const bool by_hand = refund.destination == RefundDestination::external;
  const char* only_by_hand = "is for money that was sent by hand: destination external";
  if (!by_hand && !refund.reference.empty()) errors.push_back({"/reference", only_by_hand});
  if (!by_hand && !refund.gateway.empty()) errors.push_back({"/gateway", only_by_hand});
  if (by_hand && !refund.gateway.empty() && context.gateways.find(refund.gateway) == nullptr) {
    errors.push_back({"/gateway", "is no payment gateway here"});
  }
  return errors.empty() ? Status() : invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
}

// The gateway may have told of the refund before staff recorded it.
Status check_reference(storage::Transaction& tx, const Payment& payment, const NewRefund& refund,
                       const std::string& gateway, Money amount) {
  if (refund.destination != RefundDestination::external) return {};
  if (!refund.reference.empty()) {
    if (!find_refund_by_reference(tx, gateway, refund.reference)) return {};
    return conflict("refund_recorded", "The refund " + refund.reference + " is recorded already.");
  }
  auto named = tx.query(
      "SELECT gateway_reference FROM refunds WHERE payment_id = $1 AND destination = 'external' AND status = "
      "'succeeded' AND amount = $2 AND gateway = $3 AND gateway_reference IS NOT NULL ORDER BY id",
      payment.id, amount.minor(), gateway);
  if (!named.next()) return {};
  return Error{.kind = ErrorKind::conflict,
               .code = "refund_may_be_recorded",
               .detail = "A refund of " + amount.to_string() + " of this payment is recorded as " + named.string(0) +
                         "; this may be that one.",
               .cure = "If it is another, name it in `reference` by the id that the gateway or the bank gave it."};
}

// Lowers what the payment pays of open invoices: that much is owed again, and is credit until it is sent.
void unapply(storage::Transaction& tx, const Context& context, RefundId refund, const Payment& payment,
             const std::vector<TakenBack>& taken_back, Instant now) {
  if (taken_back.empty()) return;
  ledger::Postings::Builder postings(payment.account);
  for (const TakenBack& taken : taken_back) {
    const Money reopened = invoicing::reopen_balance(tx, context.rules, taken.invoice.id, taken.amount, now);
    BURSAR_ASSERT(reopened == taken.amount);
    postings.debit_receivable(taken.invoice.id, taken.amount).credit(LedgerAccount::customer_credit(), taken.amount);
  }
  const EntryId entry = ledger::apply_new(tx, {.kind = ledger::EntryKind::payment_unapplied,
                                               .source = refund.value(),
                                               .account = payment.account,
                                               .booked_at = now,
                                               .booked_on = context.rules.today(now),
                                               .postings = postings.build()});
  for (const TakenBack& taken : taken_back) {
    invoicing::insert_allocation(tx,
                                 {.account = payment.account,
                                  .payment = payment.id,
                                  .invoice = taken.invoice.id,
                                  .amount = -taken.amount,
                                  .derivation = taken.derivation},
                                 entry, now);
  }
}

Status take_back(storage::Transaction& tx, const Context& context, RefundId refund, const Payment& payment,
                 const RefundPlan& plan, const std::string& reason, Instant now) {
  const invoicing::GivenBack given_back{.first = payment.id};
  std::vector<TakenBack> still_open;
  for (const TakenBack& taken : plan.taken_back) {
    if (taken.invoice.status == invoicing::InvoiceStatus::open) {
      still_open.push_back(taken);
    } else if (taken.whole) {
      BURSAR_CHECK(
          invoicing::take_back_lines(tx, context.rules, taken.invoice.id, taken.lines, reason, now, given_back));
    } else {
      BURSAR_CHECK(invoicing::credit_amount(tx, context.rules, taken.invoice.id, taken.amount, reason, now, taken.lines,
                                            given_back));
    }
  }
  unapply(tx, context, refund, payment, still_open, now);
  return {};
}

void insert(storage::Transaction& tx, const Refund& refund, Instant now) {
  tx.execute(
      "INSERT INTO refunds (id, account_id, payment_id, destination, status, currency, amount, reason, created_at, "
      "settled_at, credited, request_id, gateway, gateway_reference) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
      refund.id, refund.account, refund.payment, to_string(refund.destination), refund.status,
      refund.amount.currency().code(), refund.amount.minor(), refund.reason, now, refund.settled_at,
      refund.credited.minor(), refund.request, refund.gateway,
      refund.reference.empty() ? std::nullopt : std::optional(refund.reference));
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

std::optional<settings::RefundedService> refunded_service(std::string_view text) {
  using settings::RefundedService;
  if (text == "keep") return RefundedService::keep;
  if (text == "cancel") return RefundedService::cancel;
  if (text == "terminate_now") return RefundedService::terminate_now;
  return std::nullopt;
}

std::optional<Refund> find_refund(storage::Connection& c, RefundId id) {
  auto rows = c.query(
      "SELECT id, account_id, payment_id, destination, status, currency, amount, gateway_reference, reason, "
      "created_at, settled_at, credited, request_id, gateway FROM refunds WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_refund(rows);
}

std::optional<Refund> find_refund_by_reference(storage::Connection& c, const std::string& gateway,
                                               const std::string& reference) {
  auto rows = c.query(
      "SELECT id, account_id, payment_id, destination, status, currency, amount, gateway_reference, reason, "
      "created_at, settled_at, credited, request_id, gateway FROM refunds WHERE gateway = $1 AND gateway_reference = "
      "$2",
      gateway, reference);
  if (!rows.next()) return std::nullopt;
  return read_refund(rows);
}

std::vector<Refund> refunds_of(storage::Connection& c, PaymentId payment) {
  auto rows = c.query(
      "SELECT id, account_id, payment_id, destination, status, currency, amount, gateway_reference, reason, "
      "created_at, settled_at, credited, request_id, gateway FROM refunds WHERE payment_id = $1 ORDER BY id",
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
  accounts::check_text("/reference", request.reference, 0, 200, accounts::Lines::one, errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  BURSAR_CHECK(check_by_hand(context, request));
  const std::string& gateway = request.gateway.empty() ? payment->gateway : request.gateway;
  BURSAR_TRY(plan, plan_refund(tx, *payment, request));
  BURSAR_CHECK(check_gateway(context, *payment, request, plan.amount));
  BURSAR_CHECK(check_reference(tx, *payment, request, gateway, plan.amount));

  const bool to_gateway = request.destination == RefundDestination::gateway;
  const Refund refund{.id = tx.new_id<RefundId>(),
                      .account = payment->account,
                      .payment = payment->id,
                      .gateway = gateway,
                      .destination = request.destination,
                      .status = to_gateway ? "pending" : "succeeded",
                      .amount = plan.amount,
                      .credited = plan.credited,
                      .reference = request.reference,
                      .reason = request.reason,
                      .request = request.request,
                      .created_at = now,
                      .settled_at = to_gateway ? std::nullopt : std::optional(now)};
  const RefundedPeriods periods(tx, plan);
  BURSAR_CHECK(take_back(tx, context, refund.id, *payment, plan, request.reason, now));
  if (request.destination != RefundDestination::credit) {
    if (ledger::credit_balance(tx, payment->account, plan.amount.currency()) < plan.amount) {
      return conflict("refund_exceeds_credit", "What this payment brought is spent: the account has less credit.");
    }
    book_refund_sent(tx, context, refund, now);
  }
  insert(tx, refund, now);
  if (to_gateway) {
    const effects::NewEffect effect{.kind = "refund",
                                    .key = "refund:" + std::to_string(refund.id.value()) + ":1",
                                    .instance = payment->gateway,
                                    .account = refund.account,
                                    .object = refund.id.value()};
    effects::record(tx, now, {&effect, 1});
  } else {
    tell_of_refund(tx, context, refund, now);
  }
  periods.settle_services(tx, context, request.service, actor, now);
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = refund.account,
                          .action = "payment.refund",
                          .object = accounts::audit_object(refund.id),
                          .detail = "{\"amount\":\"" + plan.amount.to_string() + "\",\"to\":\"" +
                                    std::string(to_string(request.destination)) + "\"}"});
  return refund.id;
}

}  // namespace bursar::payments
