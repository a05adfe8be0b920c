#include "ledger/journal.hpp"

#include <map>
#include <span>

namespace bursar::ledger {
namespace {

using storage::Batch;
using storage::Transaction;

// A customer and a currency. A credit posting (negative) to customer_credit raises what the customer has.
using CreditKey = std::pair<AccountId, std::string>;
using CreditChanges = std::map<CreditKey, std::int64_t>;

void collect_credit(const Postings& postings, CreditChanges& changes) {
  for (const auto& posting : postings) {
    if (!posting.ledger_account.is_customer_credit()) continue;
    changes[{posting.customer, std::string(posting.amount.currency().code())}] -= posting.amount.minor();
  }
}

std::map<CreditKey, std::int64_t> stored_credit(Transaction& tx, const CreditChanges& changes) {
  std::vector<std::int64_t> accounts;
  for (const auto& [key, change] : changes) {
    if (accounts.empty() || accounts.back() != key.first.value()) accounts.push_back(key.first.value());
  }
  std::map<CreditKey, std::int64_t> stored;
  auto rows = tx.query("SELECT account_id, currency, amount FROM credit_balances WHERE account_id IN {list:$1}",
                       std::span<const std::int64_t>(accounts));
  while (rows.next()) stored[{rows.id<AccountId>(0), rows.string(1)}] = rows.integer(2);
  return stored;
}

// Three statements for any number of customers.
void change_credit(Transaction& tx, const CreditChanges& changes) {
  if (changes.empty()) return;
  const auto stored = stored_credit(tx, changes);
  Batch inserts{{"account_id", Batch::integer}, {"currency", Batch::text}, {"amount", Batch::integer}};
  Batch updates{{"account_id", Batch::integer}, {"currency", Batch::text}, {"amount", Batch::integer}};
  for (const auto& [key, change] : changes) {
    if (change == 0) continue;
    const auto row = stored.find(key);
    const std::int64_t amount = (row == stored.end() ? 0 : row->second) + change;
    BURSAR_ASSERT(amount >= 0);  // credit was taken that the customer does not have
    (row == stored.end() ? inserts : updates).add(key.first, key.second, amount);
  }
  if (!inserts.empty()) tx.insert_many("credit_balances", inserts);
  if (!updates.empty()) tx.update_many("credit_balances", 2, updates);
}

Batch posting_rows() {
  return {{"entry_id", Batch::integer},   {"position", Batch::integer},   {"ledger_account", Batch::text},
          {"account_id", Batch::integer}, {"invoice_id", Batch::integer}, {"currency", Batch::text},
          {"amount", Batch::integer}};
}

void add_rows(Batch& rows, EntryId entry, const Postings& postings) {
  int position = 0;
  for (const auto& posting : postings) {
    rows.add(entry, position++, posting.ledger_account.name(), posting.customer.value(), posting.invoice,
             posting.amount.currency().code(), posting.amount.minor());
  }
}

ApplyStatus compare(const StoredEntry& stored, const Entry& entry) {
  if (stored.account != entry.account) return ApplyStatus::exists_with_different_account;
  if (stored.booked_on != entry.booked_on) return ApplyStatus::exists_with_different_date;
  if (stored.postings != entry.postings.all()) return ApplyStatus::exists_with_different_postings;
  return ApplyStatus::exists;
}

}  // namespace

std::string_view to_string(EntryKind kind) {
  switch (kind) {
    case EntryKind::invoice_issued:
      return "invoice_issued";
    case EntryKind::lines_removed:
      return "lines_removed";
    case EntryKind::credit_note:
      return "credit_note";
    case EntryKind::invoice_written_off:
      return "invoice_written_off";
    case EntryKind::credit_applied:
      return "credit_applied";
    case EntryKind::deposit_credited:
      return "deposit_credited";
    case EntryKind::credit_granted:
      return "credit_granted";
    case EntryKind::payment_received:
      return "payment_received";
    case EntryKind::payment_reversed:
      return "payment_reversed";
    case EntryKind::payment_unapplied:
      return "payment_unapplied";
    case EntryKind::gateway_fee:
      return "gateway_fee";
    case EntryKind::refund_sent:
      return "refund_sent";
    case EntryKind::refund_to_credit:
      return "refund_to_credit";
    case EntryKind::dispute_opened:
      return "dispute_opened";
    case EntryKind::dispute_won:
      return "dispute_won";
    case EntryKind::dispute_lost:
      return "dispute_lost";
    case EntryKind::dispute_fee:
      return "dispute_fee";
    case EntryKind::dispute_covered:
      return "dispute_covered";
    case EntryKind::suspense_received:
      return "suspense_received";
    case EntryKind::suspense_returned:
      return "suspense_returned";
  }
  invariant_broken("a known EntryKind", __FILE__, __LINE__);
}

Applied apply(Transaction& tx, const Entry& entry) {
  const EntryId id = tx.new_id<EntryId>();
  const auto inserted = tx.execute(
      "INSERT INTO journal_entries (id, kind, source_id, account_id, booked_at, booked_on, description)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (source_id, kind) DO NOTHING",
      id, to_string(entry.kind), entry.source, entry.account.value(), entry.booked_at, entry.booked_on,
      entry.description);
  if (inserted == 0) {
    const auto stored = find_entry(tx, entry.kind, entry.source);
    BURSAR_ASSERT(stored.has_value());
    return {compare(*stored, entry), stored->id};
  }
  Batch rows = posting_rows();
  add_rows(rows, id, entry.postings);
  tx.insert_many("postings", rows);
  CreditChanges credit;
  collect_credit(entry.postings, credit);
  change_credit(tx, credit);
  return {ApplyStatus::created, id};
}

EntryId apply_new(Transaction& tx, const Entry& entry) {
  const Applied applied = apply(tx, entry);
  BURSAR_ASSERT(applied.created());
  return applied.id;
}

struct JournalBatch::State {
  std::vector<Entry> entries;
  CreditChanges credit;
};

JournalBatch::JournalBatch() : state_(std::make_unique<State>()) {}
JournalBatch::~JournalBatch() = default;
std::size_t JournalBatch::size() const { return state_->entries.size(); }

std::size_t JournalBatch::add(Entry entry) {
  collect_credit(entry.postings, state_->credit);
  state_->entries.push_back(std::move(entry));
  return state_->entries.size() - 1;
}

EntryId JournalBatch::flush(Transaction& tx) {
  auto& entries = state_->entries;
  if (entries.empty()) return EntryId();
  const std::int64_t first = tx.reserve_ids(static_cast<std::int64_t>(entries.size()));
  Batch entry_rows{{"id", Batch::integer},         {"kind", Batch::text},      {"source_id", Batch::integer},
                   {"account_id", Batch::integer}, {"booked_at", Batch::text}, {"booked_on", Batch::text},
                   {"description", Batch::text}};
  Batch rows = posting_rows();
  std::int64_t id = first;
  for (const auto& entry : entries) {
    entry_rows.add(id, to_string(entry.kind), entry.source, entry.account.value(), entry.booked_at, entry.booked_on,
                   entry.description);
    add_rows(rows, EntryId(id), entry.postings);
    ++id;
  }
  tx.insert_many("journal_entries", entry_rows);
  tx.insert_many("postings", rows);
  change_credit(tx, state_->credit);
  entries.clear();
  state_->credit.clear();
  return EntryId(first);
}

}  // namespace bursar::ledger
