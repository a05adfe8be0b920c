// The journal: the one truth about money. An entry is immutable (the database refuses to change one); a correction is a
// new entry. Its natural key is (kind, source): one business fact is booked once, whatever path asks for it.
//
// Customer credit stands twice, as customer_credit postings and as credit_balances rows that the database keeps from
// going negative. Only apply() and JournalBatch write either, always both.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "ledger/posting.hpp"
#include "storage/database.hpp"

namespace bursar::ledger {

// What happened. The source is the row that the entry is about.
enum class EntryKind {
  invoice_issued,       // invoice
  lines_removed,        // invoice_adjustments row
  credit_note,          // credit note
  invoice_written_off,  // invoice
  credit_applied,       // allocation: account credit used for an invoice
  deposit_credited,     // invoice of kind deposit, when paid
  credit_granted,       // audit event: credit given by staff
  payment_received,     // payment
  payment_reversed,     // payment: chargeback, reorganised chain
  payment_unapplied,    // refund: the part of an open invoice that it pays no more
  gateway_fee,          // payment
  refund_sent,          // refund to the gateway or by hand
  refund_to_credit,     // refund
  dispute_opened,       // dispute
  dispute_won,          // dispute
  dispute_lost,         // dispute
  dispute_fee,          // audit event: what a gateway keeps for a dispute changed, and nothing else
  dispute_covered,      // refund: came back, and makes good what a dispute of its payment took
  suspense_received,    // suspense item: money that belongs to no payment
  suspense_returned,    // suspense item, sent back
};
std::string_view to_string(EntryKind kind);

struct Entry {
  EntryKind kind;
  std::int64_t source = 0;
  AccountId account;  // the customer; none for entries that concern no one
  Instant booked_at;
  CivilDate booked_on;  // in the provider's zone
  Postings postings;
  std::string description = {};
};

enum class ApplyStatus {
  created,
  exists,  // the same fact was booked before; nothing was changed
  // The key is taken by an entry that says something else: a fault of the caller. Nothing was changed.
  exists_with_different_account,
  exists_with_different_date,
  exists_with_different_postings,
};
struct Applied {
  ApplyStatus status;
  EntryId id;  // of the entry that stands under the key
  [[nodiscard]] bool created() const { return status == ApplyStatus::created; }
  [[nodiscard]] bool conflicting() const { return status != ApplyStatus::created && status != ApplyStatus::exists; }
};

// Books the entry. booked_at and the description of a repeated one may differ. Taking more credit than the customer has
// throws InvariantBroken: ask credit_balance() first, in the same transaction.
Applied apply(storage::Transaction& tx, const Entry& entry);
// The same, for an entry whose source row was made in this transaction: anything but `created` throws InvariantBroken.
EntryId apply_new(storage::Transaction& tx, const Entry& entry);

// Books many entries whose source rows are made in the same transaction. A fixed number of statements, whatever the
// count.
//
//   JournalBatch batch;
//   for (...) batch.add({.kind = EntryKind::invoice_issued, ...});
//   batch.flush(tx);
class JournalBatch {
 public:
  JournalBatch();
  ~JournalBatch();
  JournalBatch(const JournalBatch&) = delete;
  JournalBatch& operator=(const JournalBatch&) = delete;
  // Answers the entry's index: its id will be flush()'s answer plus this.
  std::size_t add(Entry entry);
  [[nodiscard]] std::size_t size() const;
  // Writes all and starts again empty. Answers the first id. A repeated key throws storage::UniqueViolation, credit
  // taken beyond a customer's balance InvariantBroken.
  EntryId flush(storage::Transaction& tx);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What a customer has with us, one for each currency with a positive balance, by currency code.
std::vector<Money> credit_balances(storage::Connection& c, AccountId account);
Money credit_balance(storage::Connection& c, AccountId account, Currency currency);

struct Balance {
  std::string ledger_account;
  Money amount;  // a debit balance is positive
};
// The sums of one customer's entries, by ledger account and currency.
std::vector<Balance> account_balances(storage::Connection& c, AccountId account);
// The sums of the whole ledger. Reads every posting: for reports and checks.
std::vector<Balance> trial_balance(storage::Connection& c);

// A stored entry, for statements.
struct StoredEntry {
  EntryId id;
  std::string kind;
  std::int64_t source = 0;
  AccountId account;
  Instant booked_at;
  CivilDate booked_on;
  std::string description;
  std::vector<Posting> postings;
};
std::optional<StoredEntry> find_entry(storage::Connection& c, EntryKind kind, std::int64_t source);
std::vector<StoredEntry> find_entries(storage::Connection& c, std::span<const std::int64_t> ids);  // oldest first
// A customer's entries, newest first, older than `before` (none: from the newest).
std::vector<StoredEntry> statement(storage::Connection& c, AccountId account, EntryId before, int limit);

}  // namespace bursar::ledger
