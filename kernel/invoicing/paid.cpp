#include "invoicing/paid.hpp"

#include <algorithm>
#include <span>

#include "base/assert.hpp"
#include "invoicing/change_settlement.hpp"
#include "invoicing/document_digest.hpp"
#include "ledger/journal.hpp"
#include "services/services.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;
using storage::Transaction;

void take_number(Transaction& tx, const Rules& rules, InvoiceId invoice, Instant now) {
  const Numbers numbers = take_numbers(tx, rules.invoice_numbers, 1, rules.today(now));
  tx.execute("UPDATE invoices SET series = $2, sequence = $3, number = $4, issued_on = $5 WHERE id = $1", invoice,
             numbers.series, numbers.first, rules.invoice_numbers.render(numbers.issued_on, numbers.first),
             numbers.issued_on);
  stamp_invoice(tx, invoice);
}

void credit_deposit(Transaction& tx, const Rules& rules, const Invoice& invoice, Instant now) {
  ledger::apply_new(tx, {.kind = ledger::EntryKind::deposit_credited,
                         .source = invoice.id.value(),
                         .account = invoice.account,
                         .booked_at = now,
                         .booked_on = rules.today(now),
                         .postings = ledger::Postings::Builder(invoice.account)
                                         .debit(ledger::LedgerAccount::deposit_due(), invoice.total)
                                         .credit(ledger::LedgerAccount::customer_credit(), invoice.total)
                                         .build()});
}

std::vector<ServiceId> with_status(Connection& c, const std::vector<std::int64_t>& services, std::string_view status,
                                   std::string_view suspend_reason) {
  std::vector<ServiceId> found;
  auto rows =
      c.query("SELECT id FROM services WHERE id IN {list:$1} AND status = $2 AND suspend_reason = $3 ORDER BY id",
              std::span<const std::int64_t>(services), status, suspend_reason);
  while (rows.next()) found.push_back(rows.id<ServiceId>(0));
  return found;
}

// Services that another overdue invoice of the account still stands against.
std::vector<ServiceId> still_overdue(Connection& c, AccountId account, const std::vector<std::int64_t>& services,
                                     CivilDate today) {
  std::vector<ServiceId> found;
  auto rows = c.query(
      "SELECT DISTINCT l.service_id FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id"
      " WHERE i.account_id = $1 AND i.status = 'open' AND i.due_on < $2 AND l.removed_at IS NULL"
      " AND l.service_id IN {list:$3}",
      account, today, std::span<const std::int64_t>(services));
  while (rows.next()) found.push_back(rows.id<ServiceId>(0));
  return found;
}

}  // namespace

std::vector<ServiceId> services_of(Connection& c, InvoiceId invoice) {
  std::vector<ServiceId> services;
  auto rows = c.query(
      "SELECT DISTINCT service_id FROM invoice_lines WHERE invoice_id = $1 AND service_id IS NOT NULL"
      " AND removed_at IS NULL ORDER BY service_id",
      invoice);
  while (rows.next()) services.push_back(rows.id<ServiceId>(0));
  return services;
}

void release_services(Transaction& tx, const Rules& rules, const Invoice& invoice,
                      const std::vector<ServiceId>& services, Instant now) {
  if (invoice.kind == InvoiceKind::order) {
    tx.execute("UPDATE orders SET status = 'active' WHERE account_id = $1 AND invoice_id = $2 AND status = 'pending'",
               invoice.account, invoice.id);
  }
  if (services.empty()) return;
  std::vector<std::int64_t> ids;
  ids.reserve(services.size());
  for (const auto service : services) ids.push_back(service.value());
  const services::Cause cause{.actor = {.kind = accounts::ActorKind::job}, .reason = "invoice paid"};
  services::change_services(tx, with_status(tx, ids, "pending", ""), services::Change::activate, cause, now);
  auto suspended = with_status(tx, ids, "suspended", services::overdue);
  if (suspended.empty()) return;
  const auto overdue = still_overdue(tx, invoice.account, ids, rules.today(now));
  std::erase_if(suspended,
                [&](ServiceId id) { return std::find(overdue.begin(), overdue.end(), id) != overdue.end(); });
  services::change_services(tx, suspended, services::Change::unsuspend, cause, now);
}

std::vector<ServiceId> become_paid(Transaction& tx, const Rules& rules, const Invoice& invoice, Instant now) {
  const auto marked = tx.execute(
      "UPDATE invoices SET status = 'paid', paid_at = $2, autopay_on = NULL, dunning_action = NULL,"
      " dunning_on = NULL, dunning_offset = NULL WHERE id = $1 AND balance = 0",
      invoice.id, now);
  BURSAR_ASSERT(marked == 1);
  if (!invoice.legal()) take_number(tx, rules, invoice.id, now);
  if (invoice.kind == InvoiceKind::deposit) credit_deposit(tx, rules, invoice, now);
  auto services = services_of(tx, invoice.id);
  release_services(tx, rules, invoice, services, now);
  if (invoice.kind == InvoiceKind::order) apply_paid_change(tx, invoice.id, now);
  return services;
}

}  // namespace bursar::invoicing
