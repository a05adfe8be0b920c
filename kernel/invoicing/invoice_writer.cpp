#include "invoicing/invoice_writer.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <string>

#include "accounts/accounts.hpp"
#include "base/assert.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/document_digest.hpp"
#include "invoicing/income.hpp"

namespace bursar::invoicing {
namespace {

using ledger::LedgerAccount;
using storage::Batch;
using storage::Transaction;

// Debit what is owed, credit what was earned and the tax on it.
ledger::Postings::Builder issue_postings(AccountId account, InvoiceId invoice, std::span<const DraftLine> lines,
                                         const Totals& totals) {
  ledger::Postings::Builder postings(account);
  postings.debit_receivable(invoice, totals.total);
  Money revenue = Money::zero(totals.net.currency());
  for (const auto& line : lines) {
    const LedgerAccount income = income_account(line.kind);
    if (income == LedgerAccount::revenue()) {
      revenue += line.net;
    } else {
      postings.credit(income, line.net);
    }
  }
  postings.credit(LedgerAccount::revenue(), revenue);
  for (const auto& [place, tax] : totals.tax_by_place) postings.credit(LedgerAccount::tax_payable(place), tax);
  return postings;
}

// Credit that accounts have, by account and currency code.
using Credits = std::map<std::pair<std::int64_t, std::string>, std::int64_t>;

Credits read_credits(Transaction& tx, std::span<const std::int64_t> accounts) {
  Credits credits;
  auto rows =
      tx.query("SELECT account_id, currency, amount FROM credit_balances WHERE amount > 0 AND account_id IN {list:$1}",
               accounts);
  while (rows.next()) credits[{rows.integer(0), rows.string(1)}] = rows.integer(2);
  return credits;
}

}  // namespace

void InvoiceWriter::add(DraftInvoice draft) {
  BURSAR_ASSERT(!draft.lines.empty());
  Totals totals = assess(draft.lines, draft.currency);
  BURSAR_ASSERT(!totals.total.is_negative());
  const Money none = Money::zero(draft.currency);
  drafts_.push_back({std::move(draft), std::move(totals), none, none});
}

void InvoiceWriter::use_credit(Transaction& tx) {
  if (!rules_.billing.apply_credit_to_new_invoices) return;
  std::vector<std::int64_t> accounts;
  accounts.reserve(drafts_.size());
  for (const auto& item : drafts_) accounts.push_back(item.draft.account.value());
  accounts.erase(std::unique(accounts.begin(), accounts.end()), accounts.end());
  Credits credits = read_credits(tx, accounts);
  if (credits.empty()) return;
  for (auto& item : drafts_) {
    if (item.draft.kind == InvoiceKind::deposit) continue;
    const auto credit = credits.find({item.draft.account.value(), std::string(item.draft.currency.code())});
    if (credit == credits.end()) continue;
    item.available = Money(credit->second, item.draft.currency);
    item.credit = std::min(item.available, item.totals.total);
    credit->second -= item.credit.minor();
  }
}

bool InvoiceWriter::legal(const Item& item) const { return rules_.legal_at_issue() || item.balance().is_zero(); }

void InvoiceWriter::write_invoices(Transaction& tx, InvoiceId first) const {
  const auto legal_count =
      std::count_if(drafts_.begin(), drafts_.end(), [this](const Item& item) { return legal(item); });
  Numbers numbers{.series = {}, .first = 0, .issued_on = issued_on_};
  if (legal_count > 0) numbers = take_numbers(tx, rules_.invoice_numbers, legal_count, issued_on_);
  const std::int64_t seller = accounts::seller_party(tx);
  const CivilDate really_issued_on = std::max(issued_on_, rules_.today(now_));
  Batch rows{{"id", Batch::integer},
             {"account_id", Batch::integer},
             {"kind", Batch::text},
             {"status", Batch::text},
             {"series", Batch::text},
             {"sequence", Batch::integer},
             {"number", Batch::text},
             {"issued_on", Batch::text},
             {"due_on", Batch::text},
             {"currency", Batch::text},
             {"net", Batch::integer},
             {"tax", Batch::integer},
             {"total", Batch::integer},
             {"balance", Batch::integer},
             {"seller_party_id", Batch::integer},
             {"buyer_party_id", Batch::integer},
             {"late_fee_of", Batch::integer},
             {"created_at", Batch::text},
             {"paid_at", Batch::text},
             {"autopay_on", Batch::text},
             {"autopay_derivation", Batch::text},
             {"dunning_action", Batch::text},
             {"dunning_on", Batch::text},
             {"dunning_offset", Batch::integer},
             {"digest", Batch::text}};
  Digest digest;
  std::int64_t id = first.value();
  std::int64_t sequence = numbers.first;
  for (const auto& item : drafts_) {
    const DraftInvoice& draft = item.draft;
    const bool paid = item.balance().is_zero();
    const bool collected = !paid && draft.kind != InvoiceKind::deposit;
    const bool numbered = legal(item);
    const CivilDate issued_on = numbered ? numbers.issued_on : issued_on_;
    std::string number, hash;
    if (numbered) {
      number = rules_.invoice_numbers.render(issued_on, sequence);
      hash = digest_of(digest,
                       {.number = number,
                        .kind = draft.kind,
                        .issued_on = issued_on,
                        .due_on = draft.due_on,
                        .net = item.totals.net,
                        .tax = item.totals.tax,
                        .total = item.totals.total,
                        .seller_party = seller,
                        .buyer_party = draft.buyer_party},
                       draft.lines);
    }
    std::optional<PlannedStep> dunning;
    if (collected && !draft.lapses) dunning = rules_.plan.first(draft.due_on, really_issued_on, draft.notice_days);
    std::optional<DerivedDay> autopay;
    if (collected && draft.autopay) autopay = rules_.plan.first_autopay(draft.due_on, really_issued_on);
    rows.add(id++, draft.account, to_string(draft.kind), to_string(paid ? InvoiceStatus::paid : InvoiceStatus::open),
             numbered ? std::optional(numbers.series) : std::nullopt, numbered ? std::optional(sequence) : std::nullopt,
             numbered ? std::optional(std::string_view(number)) : std::nullopt, issued_on, draft.due_on,
             draft.currency.code(), item.totals.net.minor(), item.totals.tax.minor(), item.totals.total.minor(),
             item.balance().minor(), seller, draft.buyer_party, draft.late_fee_of, now_,
             paid ? std::optional(now_) : std::nullopt, autopay ? std::optional(autopay->on) : std::nullopt,
             autopay ? std::string_view(autopay->derivation) : std::string_view(),
             dunning ? std::optional(to_string(dunning->step.action)) : std::nullopt,
             dunning ? std::optional(dunning->on) : std::nullopt,
             dunning ? std::optional(dunning->step.offset) : std::nullopt,
             numbered ? std::optional(std::string_view(hash)) : std::nullopt);
    if (numbered) ++sequence;
  }
  tx.insert_many("invoices", rows);
}

void InvoiceWriter::write_lines(Transaction& tx, InvoiceId first) const {
  std::int64_t count = 0;
  for (const auto& item : drafts_) count += static_cast<std::int64_t>(item.draft.lines.size());
  std::int64_t line_id = tx.reserve_ids(count);
  Batch rows{{"id", Batch::integer},         {"invoice_id", Batch::integer},
             {"account_id", Batch::integer}, {"position", Batch::integer},
             {"kind", Batch::text},          {"service_id", Batch::integer},
             {"period_start", Batch::text},  {"period_end", Batch::text},
             {"description", Batch::text},   {"quantity", Batch::integer},
             {"unit_code", Batch::text},     {"unit_price", Batch::integer},
             {"net", Batch::integer},        {"tax", Batch::integer},
             {"tax_rule", Batch::text},      {"tax_place", Batch::text},
             {"tax_rate", Batch::integer},   {"tax_inclusive", Batch::integer},
             {"tax_category", Batch::text},  {"exemption_reason", Batch::text},
             {"derivation", Batch::text},    {"tax_contained", Batch::integer}};
  std::int64_t invoice = first.value();
  for (const auto& item : drafts_) {
    int position = 1;
    for (const auto& line : item.draft.lines) {
      const auto& tax = *line.treatment;
      rows.add(line_id++, invoice, item.draft.account, position++, to_string(line.kind), line.service,
               line.period ? std::optional(line.period->start) : std::nullopt,
               line.period ? std::optional(line.period->end) : std::nullopt, line.description, line.quantity,
               line.unit_code, line.unit_price.minor(), line.net.minor(), line.tax.minor(), tax.rule, tax.place,
               tax.rate.num, tax.inclusive, tax.category, tax.exemption_reason, line.derivation,
               tax_contained(tax).num);
    }
    ++invoice;
  }
  tx.insert_many("invoice_lines", rows);
}

void InvoiceWriter::book(Transaction& tx, InvoiceId first) const {
  const auto credited =
      std::count_if(drafts_.begin(), drafts_.end(), [](const Item& item) { return item.credit.is_positive(); });
  std::int64_t allocation = credited > 0 ? tx.reserve_ids(credited) : 0;
  struct Allocation {
    std::int64_t id;
    std::int64_t invoice;
    const Item* item;
    std::size_t entry;
  };
  std::vector<Allocation> allocations;
  ledger::JournalBatch journal;
  std::int64_t id = first.value();
  for (const auto& item : drafts_) {
    const InvoiceId invoice(id++);
    auto postings = issue_postings(item.draft.account, invoice, item.draft.lines, item.totals);
    if (postings.empty()) continue;  // everything is free: nothing moves
    journal.add({.kind = ledger::EntryKind::invoice_issued,
                 .source = invoice.value(),
                 .account = item.draft.account,
                 .booked_at = now_,
                 .booked_on = issued_on_,
                 .postings = postings.build()});
    if (!item.credit.is_positive()) continue;
    const auto entry = journal.add({.kind = ledger::EntryKind::credit_applied,
                                    .source = allocation,
                                    .account = item.draft.account,
                                    .booked_at = now_,
                                    .booked_on = issued_on_,
                                    .postings = ledger::Postings::Builder(item.draft.account)
                                                    .debit(LedgerAccount::customer_credit(), item.credit)
                                                    .credit_receivable(invoice, item.credit)
                                                    .build()});
    allocations.push_back({allocation++, invoice.value(), &item, entry});
  }
  const EntryId first_entry = journal.flush(tx);
  if (allocations.empty()) return;
  Batch rows{{"id", Batch::integer},     {"account_id", Batch::integer}, {"invoice_id", Batch::integer},
             {"amount", Batch::integer}, {"entry_id", Batch::integer},   {"derivation", Batch::text},
             {"created_at", Batch::text}};
  for (const auto& row : allocations) {
    rows.add(row.id, row.item->draft.account, row.invoice, row.item->credit.minor(),
             first_entry.value() + static_cast<std::int64_t>(row.entry),
             derive_least("credit", {{"available", row.item->available}, {"owed", row.item->totals.total}}), now_);
  }
  tx.insert_many("allocations", rows);
}

InvoiceWriter::Written InvoiceWriter::flush(Transaction& tx) {
  if (drafts_.empty()) return {};
  use_credit(tx);
  Written written{.first = InvoiceId(tx.reserve_ids(static_cast<std::int64_t>(drafts_.size()))),
                  .count = static_cast<std::int64_t>(drafts_.size()),
                  .paid = {}};
  write_invoices(tx, written.first);
  write_lines(tx, written.first);
  book(tx, written.first);
  for (std::size_t i = 0; i < drafts_.size(); ++i) {
    if (drafts_[i].balance().is_zero()) {
      written.paid.emplace_back(written.first.value() + static_cast<std::int64_t>(i));
    }
  }
  drafts_.clear();
  return written;
}

}  // namespace bursar::invoicing
