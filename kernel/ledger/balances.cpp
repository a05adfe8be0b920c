// The reading side of the journal.
#include <algorithm>
#include <span>
#include <utility>

#include "ledger/journal.hpp"

namespace bursar::ledger {
namespace {

using storage::Connection;
using storage::Rows;

Currency stored_currency(std::string_view code) {
  auto currency = Currency::parse(code);
  BURSAR_ASSERT(currency.ok());
  return *currency;
}

// Columns 0 to 6: id, kind, source_id, account_id, booked_at, booked_on, description.
StoredEntry read_entry(const Rows& rows) {
  return {.id = rows.id<EntryId>(0),
          .kind = rows.string(1),
          .source = rows.integer(2),
          .account = rows.id<AccountId>(3),
          .booked_at = rows.instant(4),
          .booked_on = rows.date(5),
          .description = rows.string(6),
          .postings = {}};
}

// `entries` in falling order of id.
void read_postings(Connection& c, std::vector<StoredEntry>& entries) {
  std::vector<std::int64_t> ids;
  ids.reserve(entries.size());
  for (const auto& entry : entries) ids.push_back(entry.id.value());
  auto rows = c.query(
      "SELECT entry_id, ledger_account, account_id, invoice_id, currency, amount FROM postings"
      " WHERE entry_id IN {list:$1} ORDER BY entry_id DESC, position",
      std::span<const std::int64_t>(ids));
  auto entry = entries.begin();
  while (rows.next()) {
    while (entry->id != rows.id<EntryId>(0)) ++entry;
    entry->postings.push_back({LedgerAccount::stored(rows.text(1)), rows.id<AccountId>(2), rows.id<InvoiceId>(3),
                               Money(rows.integer(5), stored_currency(rows.text(4)))});
  }
}

std::vector<Balance> read_balances(Rows rows) {
  std::vector<Balance> balances;
  while (rows.next()) balances.push_back({rows.string(0), Money(rows.integer(2), stored_currency(rows.text(1)))});
  return balances;
}

}  // namespace

std::optional<StoredEntry> find_entry(Connection& c, EntryKind kind, std::int64_t source) {
  std::vector<StoredEntry> found;
  {
    auto rows = c.query(
        "SELECT id, kind, source_id, account_id, booked_at, booked_on, description FROM journal_entries"
        " WHERE source_id = $1 AND kind = $2",
        source, to_string(kind));
    if (!rows.next()) return std::nullopt;
    found.push_back(read_entry(rows));
  }
  read_postings(c, found);
  return std::move(found.front());
}

std::vector<StoredEntry> find_entries(Connection& c, std::span<const std::int64_t> ids) {
  std::vector<StoredEntry> entries;
  {
    auto rows = c.query(
        "SELECT id, kind, source_id, account_id, booked_at, booked_on, description FROM journal_entries"
        " WHERE id IN {list:$1} ORDER BY id DESC",
        ids);
    while (rows.next()) entries.push_back(read_entry(rows));
  }
  if (!entries.empty()) read_postings(c, entries);
  // Ids of several servers are in no order.
  std::sort(entries.begin(), entries.end(), [](const StoredEntry& a, const StoredEntry& b) {
    return std::pair(a.booked_at, a.id) < std::pair(b.booked_at, b.id);
  });
  return entries;
}

std::vector<StoredEntry> statement(Connection& c, AccountId account, EntryId before, int limit) {
  std::vector<StoredEntry> entries;
  {
    auto rows = c.query(
        "SELECT id, kind, source_id, account_id, booked_at, booked_on, description FROM journal_entries"
        " WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        account, before ? before.value() : INT64_MAX, limit);
    while (rows.next()) entries.push_back(read_entry(rows));
  }
  if (!entries.empty()) read_postings(c, entries);
  return entries;
}

std::vector<Money> credit_balances(Connection& c, AccountId account) {
  std::vector<Money> balances;
  auto rows = c.query(
      "SELECT currency, amount FROM credit_balances WHERE account_id = $1 AND amount > 0 ORDER BY currency", account);
  while (rows.next()) balances.emplace_back(rows.integer(1), stored_currency(rows.text(0)));
  return balances;
}

Money credit_balance(Connection& c, AccountId account, Currency currency) {
  auto rows =
      c.query("SELECT amount FROM credit_balances WHERE account_id = $1 AND currency = $2", account, currency.code());
  return rows.next() ? Money(rows.integer(0), currency) : Money::zero(currency);
}

// SUM() of a bigint is numeric in PostgreSQL; the cast brings it back.
std::vector<Balance> account_balances(Connection& c, AccountId account) {
  return read_balances(
      c.query("SELECT p.ledger_account, p.currency, CAST(SUM(p.amount) AS BIGINT) FROM journal_entries e"
              " JOIN postings p ON p.entry_id = e.id WHERE e.account_id = $1"
              " GROUP BY p.ledger_account, p.currency ORDER BY p.ledger_account, p.currency",
              account));
}

std::vector<Balance> trial_balance(Connection& c) {
  return read_balances(
      c.query("SELECT ledger_account, currency, CAST(SUM(amount) AS BIGINT) FROM postings"
              " GROUP BY ledger_account, currency ORDER BY ledger_account, currency"));
}

}  // namespace bursar::ledger
