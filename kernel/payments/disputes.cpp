#include "payments/disputes.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "accounts/audit.hpp"
#include "base/json_text.hpp"
#include "invoicing/allocations.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/settlement.hpp"
#include "ledger/journal.hpp"
#include "payments/dispute_services.hpp"
#include "payments/refund_plan.hpp"
#include "payments/staff_tasks.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

using ledger::EntryKind;
using ledger::LedgerAccount;
using notices::Template;

constexpr std::array<std::pair<DisputeStatus, std::string_view>, 3> status_names{{
    {DisputeStatus::opened, "opened"},
    {DisputeStatus::won, "won"},
    {DisputeStatus::lost, "lost"},
}};

// In the order in which read_all() takes them.
#define DISPUTE_COLUMNS                                                                                    \
  "id, account_id, payment_id, gateway, reference, status, currency, amount, counted, held, fee, reason, " \
  "respond_by, opened_at, closed_at, fee_currency, named"

std::vector<Dispute> read_all(storage::Rows rows) {
  std::vector<Dispute> out;
  while (rows.next()) {
    const Currency currency = stored_currency(rows.text(6));
    out.push_back({.id = rows.id<DisputeId>(0),
                   .account = rows.id<AccountId>(1),
                   .payment = rows.id<PaymentId>(2),
                   .gateway = rows.string(3),
                   .reference = rows.string(4),
                   .status = dispute_status(rows.text(5)).value(),
                   .amount = Money(rows.integer(7), currency),
                   .counted = Money(rows.integer(8), currency),
                   .held = Money(rows.integer(9), currency),
                   .fee = Money(rows.integer(10), stored_currency(rows.text(15), currency)),
                   .reason = rows.string(11),
                   .respond_by = rows.optional_instant(12),
                   .opened_at = rows.instant(13),
                   .closed_at = rows.optional_instant(14),
                   .named = rows.boolean(16)});
  }
  return out;
}

std::optional<Dispute> first_of(std::vector<Dispute> found) {
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

Error bad_field(std::string pointer, std::string detail) {
  return invalid("invalid_fields", "Some fields are not valid.", {{std::move(pointer), std::move(detail)}});
}

// What the gateway keeps for the dispute itself is `fee` now. It comes out of what the gateway holds in that currency.
void add_fee(ledger::Postings::Builder& postings, const Dispute& dispute, Money fee) {
  const auto clearing = LedgerAccount::clearing(dispute.gateway);
  if (fee.currency() != dispute.fee.currency()) {
    postings.credit(LedgerAccount::gateway_fees(), dispute.fee).debit(clearing, dispute.fee);
    postings.debit(LedgerAccount::gateway_fees(), fee).credit(clearing, fee);
  } else {
    postings.debit(LedgerAccount::gateway_fees(), fee - dispute.fee).credit(clearing, fee - dispute.fee);
  }
}

// The journal entry of a step. `dispute.fee` is still that of before.
EntryId book(storage::Transaction& tx, const Context& context, const Dispute& dispute, EntryKind kind, Money fee,
             ledger::Postings::Builder postings, Instant now) {
  add_fee(postings, dispute, fee);
  if (postings.empty()) return {};
  return ledger::apply_new(tx, {.kind = kind,
                                .source = dispute.id.value(),
                                .account = dispute.account,
                                .booked_at = now,
                                .booked_on = context.rules.today(now),
                                .postings = postings.build(),
                                .description = "Dispute " + dispute.reference});
}

void change_disputed(storage::Transaction& tx, PaymentId payment, Money change) {
  if (change.is_zero()) return;
  tx.execute("UPDATE payments SET disputed = disputed + $2, version = version + 1 WHERE id = $1", payment,
             change.minor());
}

void store(storage::Transaction& tx, const Dispute& dispute, Instant now) {
  const bool closed = dispute.status != DisputeStatus::opened;
  tx.execute(
      "UPDATE disputes SET status = $2, amount = $3, counted = $4, held = $5, fee = $6, fee_currency = $7, "
      "closed_at = $8, version = version + 1 WHERE id = $1",
      dispute.id, to_string(dispute.status), dispute.amount.minor(), dispute.counted.minor(), dispute.held.minor(),
      dispute.fee.minor(), dispute.fee.currency().code(), closed ? std::optional(now) : std::nullopt);
}

void tell(storage::Transaction& tx, const Context& context, const Dispute& dispute, Template name,
          notices::Values values, Instant now) {
  values.emplace_back("amount", dispute.amount.to_string());
  const notices::Notice notice{
      .cause = std::string(notices::to_string(name)) + ":" + std::to_string(dispute.id.value()),
      .account = dispute.account,
      .name = name,
      .values = std::move(values)};
  context.outbox.enqueue(tx, {&notice, 1}, now);
}

void audit(storage::Transaction& tx, const Dispute& dispute, const accounts::Actor& actor, Instant now) {
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = dispute.account,
                          .action = "dispute." + std::string(to_string(dispute.status)),
                          .object = accounts::audit_object(dispute.id),
                          .detail = "{\"amount\":\"" + dispute.amount.to_string() +
                                    "\",\"reference\":" + json_string(dispute.reference) + "}"});
}

// Every invoice the payment ever paid something of, for the services on it.
std::vector<InvoiceId> invoices_of(storage::Connection& c, const Payment& payment) {
  std::vector<InvoiceId> out;
  for (const Allocation& allocation : allocations_of(c, payment)) {
    if (std::find(out.begin(), out.end(), allocation.invoice) == out.end()) out.push_back(allocation.invoice);
  }
  return out;
}

// What refunds made credit of, without a cent having left us.
Money refunded_to_credit(storage::Connection& c, const Payment& payment) {
  auto rows = c.query(
      "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM refunds WHERE payment_id = $1 AND destination = 'credit'",
      payment.id);
  rows.next();
  return {rows.integer(0), payment.amount.currency()};
}

Dispute open_dispute(storage::Transaction& tx, const Context& context, const Payment& payment,
                     const DisputeEvent& event, const accounts::Actor& actor, Instant now) {
  const Money zero = Money::zero(payment.amount.currency());
  const Standing standing = standing_of(tx, payment);
  Dispute dispute{.id = tx.new_id<DisputeId>(),
                  .account = payment.account,
                  .payment = payment.id,
                  .gateway = payment.gateway,
                  .reference = event.reference,
                  .status = DisputeStatus::opened,
                  .amount = event.amount.value_or(payment.received),
                  .counted = zero,
                  .held = zero,
                  .fee = zero,
                  .reason = event.reason,
                  .respond_by = event.respond_by,
                  .opened_at = now,
                  .closed_at = std::nullopt,
                  .named = event.named};
  dispute.counted = std::min(dispute.amount, std::max(zero, refundable(payment)));
  // Credit that this money brought must not be spent while the money is in doubt.
  const Money from_credit = std::min(dispute.counted, standing.free) +
                            std::min(dispute.amount - dispute.counted, refunded_to_credit(tx, payment));
  dispute.held = std::min(from_credit, ledger::credit_balance(tx, payment.account, zero.currency()));
  tx.execute(
      "INSERT INTO disputes (id, account_id, payment_id, gateway, reference, status, currency, amount, counted, held, "
      "reason, respond_by, opened_at, named) VALUES ($1, $2, $3, $4, $5, 'opened', $6, $7, $8, $9, $10, $11, $12, $13)",
      dispute.id, dispute.account, dispute.payment, dispute.gateway, dispute.reference, zero.currency().code(),
      dispute.amount.minor(), dispute.counted.minor(), dispute.held.minor(), dispute.reason, dispute.respond_by, now,
      dispute.named ? 1 : 0);
  change_disputed(tx, payment.id, dispute.counted);
  ledger::Postings::Builder postings(dispute.account);
  postings.credit(LedgerAccount::clearing(dispute.gateway), dispute.amount)
      .debit(LedgerAccount::customer_credit(), dispute.held)
      .debit(LedgerAccount::disputed(dispute.gateway), dispute.amount - dispute.held);
  const Money fee = event.fee.value_or(zero);
  book(tx, context, dispute, EntryKind::dispute_opened, fee, std::move(postings), now);
  dispute.fee = fee;
  store(tx, dispute, now);
  const bool suspended = services_on_opened(tx, context, invoices_of(tx, payment), actor, now);
  const Money beyond = dispute.amount - dispute.counted;
  raise_task(tx, "dispute", dispute.account, dispute.id.value(),
             "Answer dispute " + dispute.reference + " of " + dispute.amount.to_string() +
                 (dispute.respond_by ? " by " + dispute.respond_by->to_string() : ""),
             dispute.reason + (beyond.is_zero() ? ""
                                                : " " + beyond.to_string() +
                                                      " of it had been refunded before: send the gateway the proof."),
             now);
  tell(tx, context, dispute, Template::dispute_opened, {{"suspended", suspended ? "yes" : ""}}, now);
  audit(tx, dispute, actor, now);
  return dispute;
}

// What losing makes owed again, or winning pays again. `payment` none: account credit pays it.
struct Reopened {
  PaymentId payment;
  InvoiceId invoice;
  Money amount;
  std::string derivation;
};

// Makes invoices owed again for `amount`, the newest allocations of `payment` (none: account credit) first. Answers
// what could be.
std::vector<Reopened> reopen(storage::Transaction& tx, const Context& context, AccountId account, PaymentId payment,
                             Money amount, Instant now) {
  std::vector<std::pair<InvoiceId, Money>> paid;
  {
    const Currency currency = amount.currency();
    auto rows = tx.query(
        "SELECT a.invoice_id, CAST(SUM(a.amount) AS BIGINT) FROM allocations a JOIN invoices i ON i.id = a.invoice_id "
        "WHERE a.account_id = $1 AND coalesce(a.payment_id, 0) = $2 AND i.currency = $3 "
        "AND i.status IN ('paid', 'open') AND i.kind <> 'deposit' "
        "GROUP BY a.invoice_id HAVING SUM(a.amount) > 0 ORDER BY MAX(a.id) DESC",
        account, payment.value(), currency.code());
    while (rows.next()) paid.emplace_back(rows.id<InvoiceId>(0), Money(rows.integer(1), currency));
  }
  std::vector<Reopened> reopened;
  Money left = amount;
  for (const auto& [invoice, allocated] : paid) {
    const Money wanted = std::min(left, allocated);
    if (wanted.is_zero()) break;
    const Money done = invoicing::reopen_balance(tx, context.rules, invoice, wanted, now);
    if (done.is_zero()) continue;
    reopened.push_back(
        {payment, invoice, done, invoicing::derive_least("dispute", {{"disputed", left}, {"had_paid", allocated}})});
    left -= done;
  }
  return reopened;
}

void write_allocations(storage::Transaction& tx, AccountId account, const std::vector<Reopened>& parts, bool taken_back,
                       EntryId entry, Instant now) {
  for (const Reopened& part : parts) {
    invoicing::insert_allocation(tx,
                                 {.account = account,
                                  .payment = part.payment,
                                  .invoice = part.invoice,
                                  .amount = taken_back ? -part.amount : part.amount,
                                  .derivation = part.derivation},
                                 entry, now);
  }
}

Money sum_of(const std::vector<Reopened>& parts, Money zero) {
  for (const Reopened& part : parts) zero += part.amount;
  return zero;
}

// A dispute is lost over what the gateway keeps in the end, mostly all that it took. From here on it stands as if it
// had been opened over that; what is taken beyond it is back.
void restate(storage::Transaction& tx, const Payment& payment, Dispute& dispute, Money lost,
             ledger::Postings::Builder& postings) {
  const Dispute before = dispute;
  const Money zero = Money::zero(lost.currency());
  const Money more = std::max(zero, lost - before.amount);
  dispute.amount = lost;
  dispute.counted = std::min(lost, before.counted + std::min(more, std::max(zero, refundable(payment))));
  dispute.held = std::min(before.held, lost);
  change_disputed(tx, payment.id, dispute.counted - before.counted);
  postings.credit(LedgerAccount::disputed(dispute.gateway), before.amount - before.held)
      .debit(LedgerAccount::clearing(dispute.gateway), before.amount - lost)
      .credit(LedgerAccount::customer_credit(), before.held - dispute.held);
}

void lose(storage::Transaction& tx, const Context& context, const Payment& payment, Dispute dispute,
          const DisputeEvent& event, const accounts::Actor& actor, Instant now) {
  const Money zero = Money::zero(dispute.amount.currency());
  const bool reopens = context.rules.billing.disputes.reopen_invoices;
  ledger::Postings::Builder postings(dispute.account);
  restate(tx, payment, dispute, event.amount.value_or(dispute.amount), postings);
  const auto standing = standing_of(tx, payment);
  const Money claim = dispute.amount - dispute.held;
  // First what it paid; then credit that it had brought, as far as there is some; then what that credit paid.
  const Money on_invoices = std::min({claim, dispute.counted, standing.allocated});
  const auto own =
      reopens ? reopen(tx, context, dispute.account, payment.id, on_invoices, now) : std::vector<Reopened>();
  const Money from_refunds = std::min(dispute.amount - dispute.counted, refunded_to_credit(tx, payment));
  const Money became_credit =
      std::max(zero, std::min(claim - on_invoices, dispute.counted - on_invoices + from_refunds));
  const Money from_credit = std::min(became_credit, ledger::credit_balance(tx, dispute.account, zero.currency()));
  const auto spent =
      reopens ? reopen(tx, context, dispute.account, {}, became_credit - from_credit, now) : std::vector<Reopened>();
  const Money owed_again = sum_of(own, zero) + sum_of(spent, zero);

  postings.debit(LedgerAccount::customer_credit(), from_credit)
      .debit(LedgerAccount::dispute_losses(), claim - from_credit - owed_again);
  for (const auto* part : {&own, &spent}) {
    for (const Reopened& one : *part) postings.debit_receivable(one.invoice, one.amount);
  }
  const Money fee = event.fee.value_or(dispute.fee);
  const EntryId entry = book(tx, context, dispute, EntryKind::dispute_lost, fee, std::move(postings), now);
  write_allocations(tx, dispute.account, own, true, entry, now);
  write_allocations(tx, dispute.account, spent, true, entry, now);
  dispute.status = DisputeStatus::lost;
  dispute.held += from_credit;
  dispute.fee = fee;
  store(tx, dispute, now);
  close_task(tx, "dispute", dispute.id.value(), "done", {}, now);

  auto touched = invoices_of(tx, payment);
  std::vector<InvoiceId> payable;
  for (const auto* part : {&own, &spent}) {
    for (const Reopened& one : *part) payable.push_back(one.invoice);
  }
  for (const Reopened& one : spent) touched.push_back(one.invoice);
  services_on_lost(tx, context, touched, payable, actor, now);
  tell(tx, context, dispute, Template::dispute_lost,
       {{"reopened", owed_again.is_zero() ? "" : owed_again.to_string()},
        {"from_credit", dispute.held.is_zero() ? "" : dispute.held.to_string()}},
       now);
  audit(tx, dispute, actor, now);
}

std::vector<Reopened> reopened_by(storage::Connection& c, const Dispute& dispute) {
  std::vector<Reopened> out;
  const auto entry = ledger::find_entry(c, EntryKind::dispute_lost, dispute.id.value());
  if (!entry) return out;  // all of it had been taken from credit
  auto rows = c.query(
      "SELECT payment_id, invoice_id, -amount FROM allocations WHERE account_id = $1 AND entry_id = $2 ORDER BY id",
      dispute.account, entry->id);
  while (rows.next()) {
    out.push_back(
        {rows.id<PaymentId>(0), rows.id<InvoiceId>(1), Money(rows.integer(2), dispute.amount.currency()), {}});
  }
  return out;
}

// The money is back. It pays again what was opened for it; what has been paid otherwise meanwhile becomes credit.
void win(storage::Transaction& tx, const Context& context, const Payment& payment, Dispute dispute,
         const DisputeEvent& event, const accounts::Actor& actor, Instant now) {
  const Money zero = Money::zero(dispute.amount.currency());
  ledger::Postings::Builder postings(dispute.account);
  Money to_credit = dispute.held;
  Money claim = dispute.amount - dispute.held;
  std::vector<Reopened> paid;
  if (dispute.status == DisputeStatus::lost) {
    for (const Reopened& reopened : reopened_by(tx, dispute)) {
      const auto settled = invoicing::reduce_balance(tx, context.rules, reopened.invoice, reopened.amount, now);
      if (!settled.applied.is_zero()) {
        paid.push_back({reopened.payment, reopened.invoice, settled.applied,
                        invoicing::derive_least("dispute_won", {{"given_back", reopened.amount},
                                                                {"owed", settled.applied + settled.balance}})});
      }
      postings.credit_receivable(reopened.invoice, settled.applied);
      to_credit += settled.surplus;
      claim -= reopened.amount;
    }
  }
  postings
      .credit(dispute.status == DisputeStatus::lost ? LedgerAccount::dispute_losses()
                                                    : LedgerAccount::disputed(dispute.gateway),
              claim)
      .debit(LedgerAccount::clearing(dispute.gateway), dispute.amount)
      .credit(LedgerAccount::customer_credit(), to_credit);
  const Money fee = event.fee.value_or(dispute.fee);
  const EntryId entry = book(tx, context, dispute, EntryKind::dispute_won, fee, std::move(postings), now);
  write_allocations(tx, dispute.account, paid, false, entry, now);
  change_disputed(tx, payment.id, -dispute.counted);
  dispute.status = DisputeStatus::won;
  dispute.held = zero;
  dispute.fee = fee;
  store(tx, dispute, now);
  close_task(tx, "dispute", dispute.id.value(), "done", {}, now);
  services_on_won(tx, invoices_of(tx, payment), actor, now);
  audit(tx, dispute, actor, now);
}

// Told again in the same state: only the fee may be news.
void restate_fee(storage::Transaction& tx, const Context& context, Dispute dispute, Money fee,
                 const accounts::Actor& actor, Instant now) {
  if (fee == dispute.fee) return;
  const AuditEventId audited = accounts::append_audit(
      tx, now,
      {.actor = actor,
       .account = dispute.account,
       .action = "dispute.fee",
       .object = accounts::audit_object(dispute.id),
       .detail = "{\"fee\":\"" + fee.to_string() + "\",\"before\":\"" + dispute.fee.to_string() + "\"}"});
  ledger::Postings::Builder postings(dispute.account);
  add_fee(postings, dispute, fee);
  if (!postings.empty()) {
    ledger::apply_new(tx, {.kind = EntryKind::dispute_fee,
                           .source = audited.value(),
                           .account = dispute.account,
                           .booked_at = now,
                           .booked_on = context.rules.today(now),
                           .postings = postings.build(),
                           .description = "Dispute " + dispute.reference});
  }
  tx.execute("UPDATE disputes SET fee = $2, fee_currency = $3, version = version + 1 WHERE id = $1", dispute.id,
             fee.minor(), fee.currency().code());
}

Status check(const Payment& payment, const DisputeEvent& event) {
  const bool received = payment.status == PaymentStatus::succeeded ||
                        payment.status == PaymentStatus::partially_refunded ||
                        payment.status == PaymentStatus::refunded;
  if (!received) return conflict("payment_not_received", "The payment brought no money that could be disputed.");
  const Currency currency = payment.amount.currency();
  if (event.amount && (event.amount->currency() != currency || !event.amount->is_positive()))
    return bad_field("/amount", "must be positive and in " + std::string(currency.code()));
  if (event.fee && event.fee->is_negative()) return bad_field("/fee", "must not be negative");
  if (event.reference.empty() || event.reference.size() > 200)
    return bad_field("/reference", "must have 1 to 200 characters");
  return {};
}

}  // namespace

std::string_view to_string(DisputeStatus status) {
  for (const auto& [known, name] : status_names) {
    if (known == status) return name;
  }
  invariant_broken("a status without a name", __FILE__, __LINE__);
}

std::optional<DisputeStatus> dispute_status(std::string_view text) {
  for (const auto& [known, name] : status_names) {
    if (name == text) return known;
  }
  return std::nullopt;
}

std::optional<Dispute> find_dispute(storage::Connection& c, DisputeId id) {
  return first_of(read_all(c.query("SELECT " DISPUTE_COLUMNS " FROM disputes WHERE id = $1", id)));
}

std::optional<Dispute> find_dispute(storage::Connection& c, const std::string& gateway, const std::string& reference) {
  return first_of(read_all(
      c.query("SELECT " DISPUTE_COLUMNS " FROM disputes WHERE gateway = $1 AND reference = $2", gateway, reference)));
}

std::vector<Dispute> disputes_of(storage::Connection& c, PaymentId payment) {
  return read_all(c.query("SELECT " DISPUTE_COLUMNS " FROM disputes WHERE payment_id = $1 ORDER BY id", payment));
}

std::vector<Dispute> list_disputes(storage::Connection& c, std::optional<DisputeStatus> status, DisputeId before,
                                   int limit) {
  return read_all(c.query("SELECT " DISPUTE_COLUMNS " FROM disputes WHERE ($1 = '' OR status = $1) AND id < $2 "
                          "ORDER BY id DESC LIMIT $3",
                          status ? to_string(*status) : std::string_view(), before ? before.value() : INT64_MAX,
                          limit));
}

Result<DisputeId> book_dispute(storage::Transaction& tx, const Context& context, const DisputeEvent& event,
                               const accounts::Actor& actor, Instant now) {
  const auto payment = find_payment(tx, event.payment);
  if (!payment) return not_found("no_such_payment", "There is no such payment.");
  BURSAR_CHECK(check(*payment, event));
  auto dispute = find_dispute(tx, payment->gateway, event.reference);
  if (dispute && dispute->payment != payment->id)
    return conflict("dispute_of_another_payment", "The gateway's dispute of this id is about another payment.");
  if (!dispute) dispute = open_dispute(tx, context, *payment, event, actor, now);
  // An older message that comes late changes nothing; a dispute that is won stays won.
  const bool is_news =
      event.status != DisputeStatus::opened && dispute->status != DisputeStatus::won && dispute->status != event.status;
  if (!is_news) {
    if (event.fee && event.status == dispute->status) restate_fee(tx, context, *dispute, *event.fee, actor, now);
    return dispute->id;
  }
  const auto now_stored = find_payment(tx, payment->id);
  if (event.status == DisputeStatus::lost) {
    lose(tx, context, *now_stored, *dispute, event, actor, now);
  } else {
    win(tx, context, *now_stored, *dispute, event, actor, now);
  }
  return dispute->id;
}

bool recognise_dispute(storage::Transaction& tx, const Payment& payment, const std::string& transaction,
                       DisputeEvent& event) {
  if (!event.reference.empty() && find_dispute(tx, payment.gateway, event.reference)) return true;
  auto booked = disputes_of(tx, payment.id);
  std::reverse(booked.begin(), booked.end());
  const auto may_be = [&](const Dispute& dispute, DisputeStatus status) {
    const bool same = !event.amount || *event.amount == dispute.amount;
    return dispute.status == status && (status == DisputeStatus::opened || same);
  };
  for (const DisputeStatus status : {DisputeStatus::opened, DisputeStatus::lost}) {
    for (const Dispute& dispute : booked) {
      if (!may_be(dispute, status)) continue;
      if (event.reference.empty()) {
        event.reference = dispute.reference;
        return true;
      }
      if (dispute.named) continue;
      tx.execute("UPDATE disputes SET reference = $2, named = 1, version = version + 1 WHERE id = $1", dispute.id,
                 event.reference);
      return true;
    }
  }
  if (!event.reference.empty()) return false;
  event.named = false;
  event.reference = transaction;
  for (int number = 2; find_dispute(tx, payment.gateway, event.reference); ++number) {
    event.reference = transaction + " (" + std::to_string(number) + ")";
  }
  return false;
}

void cover_disputes(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now) {
  const Money zero = Money::zero(refund.amount.currency());
  Money left = std::min(refund.amount, ledger::credit_balance(tx, refund.account, zero.currency()));
  ledger::Postings::Builder postings(refund.account);
  Money taken = zero;
  for (const Dispute& dispute : disputes_of(tx, refund.payment)) {
    const Money beyond = dispute.amount - dispute.counted;
    const Money part = std::min({left, beyond, dispute.amount - dispute.held});
    if (dispute.status == DisputeStatus::won || !part.is_positive()) continue;
    postings.credit(dispute.status == DisputeStatus::opened ? LedgerAccount::disputed(dispute.gateway)
                                                            : LedgerAccount::dispute_losses(),
                    part);
    tx.execute("UPDATE disputes SET counted = counted + $2, held = held + $2, version = version + 1 WHERE id = $1",
               dispute.id, part.minor());
    left -= part;
    taken += part;
  }
  if (taken.is_zero()) return;
  postings.debit(LedgerAccount::customer_credit(), taken);
  ledger::apply_new(tx, {.kind = EntryKind::dispute_covered,
                         .source = refund.id.value(),
                         .account = refund.account,
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = postings.build()});
  change_disputed(tx, refund.payment, taken);
}

}  // namespace bursar::payments
