#include "payments/suspense.hpp"

#include "accounts/accounts.hpp"
#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "invoicing/invoices.hpp"
#include "ledger/journal.hpp"
#include "payments/recording.hpp"
#include "payments/settle.hpp"
#include "payments/staff_tasks.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

using ledger::LedgerAccount;

constexpr const char* task_kind = "assign_suspense";

SuspenseItem read_item(storage::Rows& rows) {
  return {.id = rows.id<SuspenseId>(0),
          .gateway = rows.string(1),
          .reference = rows.string(2),
          .amount = Money(rows.integer(4), stored_currency(rows.text(3))),
          .note = rows.string(5),
          .status = rows.string(6),
          .payment = rows.id<PaymentId>(7),
          .received_at = rows.instant(8),
          .closed_at = rows.optional_instant(9)};
}

Result<SuspenseItem> open_item(storage::Connection& c, SuspenseId id) {
  auto item = find_suspense(c, id);
  if (!item) return not_found("no_such_suspense_item", "There is no such money in suspense.");
  if (item->status != "open") return conflict("suspense_not_open", "The money was " + item->status + " already.");
  return *std::move(item);
}

bool is_of_payment(storage::Transaction& tx, const SuspenseItem& item) {
  return tx.query("SELECT 1 FROM payments WHERE gateway = $1 AND gateway_reference = $2", item.gateway, item.reference)
      .next();
}

bool is_known(storage::Transaction& tx, const std::string& gateway, const std::string& reference) {
  return tx
      .query(
          "SELECT 1 FROM suspense_items WHERE gateway = $1 AND reference = $2 UNION ALL "
          "SELECT 1 FROM payments WHERE gateway = $1 AND gateway_reference = $2",
          gateway, reference)
      .next();
}

Status check_assignment(storage::Connection& c, const SuspenseItem& item, const Assignment& assignment) {
  if (!accounts::find_account(c, assignment.account)) return bad_field("/account_id", "names no account");
  if (!assignment.invoice) return {};
  const auto invoice = invoicing::find_invoice(c, assignment.invoice);
  if (!invoice || invoice->account != assignment.account) return bad_field("/invoice_id", "names no invoice of it");
  if (invoice->balance.currency() != item.amount.currency()) return bad_field("/invoice_id", "is in another currency");
  return {};
}

}  // namespace

std::optional<SuspenseItem> find_suspense(storage::Connection& c, SuspenseId id) {
  auto rows = c.query(
      "SELECT id, gateway, reference, currency, amount, note, status, payment_id, received_at, closed_at "
      "FROM suspense_items WHERE id = $1",
      id);
  return rows.next() ? std::optional(read_item(rows)) : std::nullopt;
}

std::optional<SuspenseItem> suspense_of(storage::Connection& c, const std::string& gateway,
                                        const std::string& reference) {
  auto rows = c.query(
      "SELECT id, gateway, reference, currency, amount, note, status, payment_id, received_at, closed_at "
      "FROM suspense_items WHERE gateway = $1 AND reference = $2",
      gateway, reference);
  return rows.next() ? std::optional(read_item(rows)) : std::nullopt;
}

std::vector<SuspenseItem> list_suspense(storage::Connection& c, const std::string& status, SuspenseId after,
                                        int limit) {
  auto rows = c.query(
      "SELECT id, gateway, reference, currency, amount, note, status, payment_id, received_at, closed_at "
      "FROM suspense_items WHERE ($1 = '' OR status = $1) AND id > $2 ORDER BY id LIMIT $3",
      status, after.value(), limit);
  std::vector<SuspenseItem> out;
  while (rows.next()) out.push_back(read_item(rows));
  return out;
}

bool hold_in_suspense(storage::Transaction& tx, const Context& context, const std::string& gateway,
                      const std::string& reference, Money amount, const std::string& note, Instant now) {
  BURSAR_ASSERT(amount.is_positive() && !reference.empty());
  if (is_known(tx, gateway, reference)) return false;
  const auto id = tx.new_id<SuspenseId>();
  tx.execute(
      "INSERT INTO suspense_items (id, gateway, reference, currency, amount, note, status, received_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, 'open', $7)",
      id, gateway, reference, amount.currency().code(), amount.minor(), note, now);
  ledger::apply_new(tx, {.kind = ledger::EntryKind::suspense_received,
                         .source = id.value(),
                         .account = {},
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = ledger::Postings::Builder({})
                                         .debit(LedgerAccount::clearing(gateway), amount)
                                         .credit(LedgerAccount::suspense(), amount)
                                         .build()});
  raise_task(tx, task_kind, {}, id.value(), "Say whose " + amount.to_string() + " at " + gateway + " is",
             "transaction " + reference + (note.empty() ? "" : ": " + note), now);
  return true;
}

void close_suspense(storage::Transaction& tx, SuspenseId id, PaymentId payment, Instant now) {
  tx.execute("UPDATE suspense_items SET status = 'assigned', payment_id = $2, closed_at = $3 WHERE id = $1", id,
             payment, now);
  close_task(tx, task_kind, id.value(), "done", {}, now);
}

Result<PaymentId> assign_suspense(storage::Transaction& tx, const Context& context, SuspenseId id,
                                  const Assignment& assignment, const accounts::Actor& actor, Instant now) {
  BURSAR_TRY(item, open_item(tx, id));
  BURSAR_CHECK(check_assignment(tx, item, assignment));
  if (is_of_payment(tx, item)) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "suspense_of_payment",
                 .detail = "The gateway says that this transaction is that of a payment which is under way.",
                 .cure = "Wait for the outcome of the payment; it takes the money out of suspense."};
  }
  const auto payment = tx.new_id<PaymentId>();
  tx.execute(
      "INSERT INTO payments (id, account_id, gateway, invoice_id, origin, status, currency, amount, created_at) "
      "VALUES ($1, $2, $3, $4, 'staff', 'pending', $5, $6, $7)",
      payment, assignment.account, item.gateway, assignment.invoice, item.amount.currency().code(), item.amount.minor(),
      now);
  // The settlement finds the item by its transaction and takes the money out of suspense.
  const Settlement settled =
      settle_payment(tx, context, payment,
                     {.outcome = GatewayOutcome::succeeded, .processed = item.amount, .reference = item.reference},
                     effects::Verdict::done, now);
  BURSAR_ASSERT(settled.verdict == effects::Verdict::done);
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = assignment.account,
                          .action = "suspense.assign",
                          .object = accounts::audit_object(id),
                          .detail = "{\"amount\":\"" + item.amount.to_string() + "\"}"});
  return payment;
}

Status return_suspense(storage::Transaction& tx, const Context& context, SuspenseId id, const std::string& reason,
                       const accounts::Actor& actor, Instant now) {
  BURSAR_TRY(item, open_item(tx, id));
  std::vector<FieldError> errors;
  accounts::check_text("/reason", reason, 1, 500, accounts::Lines::one, errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  ledger::apply_new(tx, {.kind = ledger::EntryKind::suspense_returned,
                         .source = id.value(),
                         .account = {},
                         .booked_at = now,
                         .booked_on = context.rules.today(now),
                         .postings = ledger::Postings::Builder({})
                                         .debit(LedgerAccount::suspense(), item.amount)
                                         .credit(LedgerAccount::clearing(item.gateway), item.amount)
                                         .build(),
                         .description = reason});
  tx.execute("UPDATE suspense_items SET status = 'returned', closed_at = $2 WHERE id = $1", id, now);
  close_task(tx, task_kind, id.value(), "done", actor.user, now);
  accounts::append_audit(tx, now, {.actor = actor, .action = "suspense.return", .object = accounts::audit_object(id)});
  return {};
}

}  // namespace bursar::payments
