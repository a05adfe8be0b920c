#include "invoicing/corrections.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.hpp"
#include "invoicing/allocations.hpp"
#include "invoicing/change_settlement.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/document_digest.hpp"
#include "invoicing/engine.hpp"
#include "invoicing/income.hpp"
#include "invoicing/paid.hpp"
#include "ledger/journal.hpp"
#include "services/services.hpp"

namespace bursar::invoicing {
Status check_correctable(const Invoice& invoice) {
  const bool alive = invoice.status == InvoiceStatus::open || invoice.status == InvoiceStatus::paid;
  if (!alive) {
    return conflict("invoice_not_voidable",
                    "The invoice is " + std::string(to_string(invoice.status)) + " and can't be changed any more.");
  }
  if (invoice.kind == InvoiceKind::deposit && invoice.status == InvoiceStatus::paid) {
    return conflict("invoice_not_voidable", "The deposit has become credit.");
  }
  return {};
}

namespace {

using ledger::LedgerAccount;
using storage::Batch;
using storage::Connection;
using storage::Transaction;

// A line and what has not been taken back of it yet.
struct OpenLine {
  Line line;
  Money net;
  Money tax;
  [[nodiscard]] Money gross() const { return net + tax; }
};

// What is about to be taken back of one line.
struct Part {
  const OpenLine* of;
  Money net;
  Money tax;
  std::string derivation;
  [[nodiscard]] bool whole() const { return net == of->net && tax == of->tax; }
};

Part all_of(const OpenLine& line) {
  return {.of = &line, .net = line.net, .tax = line.tax, .derivation = derive_whole(line.gross(), line.tax)};
}

std::vector<OpenLine> open_lines(Connection& c, const Invoice& invoice) {
  std::vector<OpenLine> open;
  for (auto& line : lines_of(c, invoice)) {
    if (line.removed) continue;
    const Money net = line.net, tax = line.tax;
    open.push_back({std::move(line), net, tax});
  }
  if (!invoice.legal()) return open;
  auto rows = c.query(
      "SELECT l.line_id, l.net, l.tax FROM credit_notes n JOIN credit_note_lines l ON l.credit_note_id = n.id"
      " WHERE n.invoice_id = $1",
      invoice.id);
  while (rows.next()) {
    for (auto& line : open) {
      if (line.line.id != rows.id<LineId>(0)) continue;
      line.net -= Money(rows.integer(1), line.net.currency());
      line.tax -= Money(rows.integer(2), line.tax.currency());
    }
  }
  return open;
}

// The order that waits for the invoice's payment, if one does: it ends with the services that wait for it, and what it
// took of what is limited is there again.
void end_unpaid_order(Transaction& tx, const Invoice& invoice, Instant now) {
  OrderId order;
  {
    auto rows = tx.query("SELECT id FROM orders WHERE account_id = $1 AND invoice_id = $2 AND status = 'pending'",
                         invoice.account, invoice.id);
    if (!rows.next()) return;
    order = rows.id<OrderId>(0);
  }
  tx.execute("UPDATE orders SET status = 'cancelled' WHERE id = $1", order);
  tx.execute("UPDATE promotions SET uses = uses - 1 WHERE id = (SELECT promotion_id FROM orders WHERE id = $1)", order);
  std::vector<ServiceId> waiting;
  {
    auto rows =
        tx.query("SELECT id FROM services WHERE account_id = $1 AND order_id = $2 AND status = 'pending' ORDER BY id",
                 invoice.account, order);
    while (rows.next()) waiting.push_back(rows.id<ServiceId>(0));
  }
  const services::Cause cause{.actor = {.kind = accounts::ActorKind::job}, .reason = "order not paid"};
  services::change_services(tx, waiting, services::Change::cancel, cause, now);
}

// One act of taking back: the amounts, and the journal's view of them.
class TakeBack {
 public:
  // `open`: all that is left of the invoice, which the parts point into.
  TakeBack(Transaction& tx, const Rules& rules, const Invoice& invoice, const std::vector<OpenLine>& open,
           std::vector<Part> parts, Instant now, GivenBack given_back = {})
      : tx_(tx),
        rules_(rules),
        invoice_(invoice),
        parts_(std::move(parts)),
        now_(now),
        given_back_(given_back),
        net_(Money::zero(invoice.total.currency())),
        tax_(net_),
        left_(net_) {
    for (const Part& part : parts_) {
      net_ += part.net;
      tax_ += part.tax;
    }
    for (const OpenLine& line : open) left_ += line.gross();
  }

  Result<Corrected> run(std::string_view reason) {
    if (total().is_negative()) {
      return invalid("credits_a_discount", "A discount can only be taken back together with what it lowers.");
    }
    if (total() > left_) {
      return invalid("credit_exceeds_invoice",
                     "More would be credited than is left of the invoice; credit what lowers these lines with them.");
    }
    const Money off_balance = std::min(total(), invoice_.balance);
    Corrected corrected{
        .credit_note = {}, .total = total(), .to_credit = total() - off_balance, .status = invoice_.status};
    if (invoice_.legal() && total().is_positive()) corrected.credit_note = write_credit_note(reason);
    const std::int64_t source = invoice_.legal() ? corrected.credit_note.value() : write_adjustment(reason);
    const EntryId entry = book(source, off_balance, corrected.to_credit, reason);
    if (corrected.to_credit.is_positive()) give_back_allocations(corrected.to_credit, entry);
    mark_lines();
    settle(off_balance, corrected);
    return corrected;
  }

 private:
  [[nodiscard]] Money total() const { return net_ + tax_; }

  CreditNoteId write_credit_note(std::string_view reason) {
    const auto id = tx_.new_id<CreditNoteId>();
    const Numbers numbers = take_numbers(tx_, rules_.credit_note_numbers, 1, rules_.today(now_));
    tx_.execute(
        "INSERT INTO credit_notes (id, account_id, invoice_id, series, sequence, number, issued_on, currency, net, tax,"
        " total, reason, seller_party_id, buyer_party_id, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        id, invoice_.account, invoice_.id, numbers.series, numbers.first,
        rules_.credit_note_numbers.render(numbers.issued_on, numbers.first), numbers.issued_on, net_.currency().code(),
        net_.minor(), tax_.minor(), total().minor(), reason, invoice_.seller_party, invoice_.buyer_party, now_);
    Batch rows{{"credit_note_id", Batch::integer},
               {"position", Batch::integer},
               {"line_id", Batch::integer},
               {"net", Batch::integer},
               {"tax", Batch::integer},
               {"description", Batch::text},
               {"derivation", Batch::text}};
    int position = 1;
    for (const Part& part : parts_) {
      rows.add(id, position++, part.of->line.id, part.net.minor(), part.tax.minor(), part.of->line.description,
               part.derivation);
    }
    tx_.insert_many("credit_note_lines", rows);
    stamp_credit_note(tx_, id);
    return id;
  }

  std::int64_t write_adjustment(std::string_view reason) {
    const std::int64_t id = tx_.reserve_ids(1);
    tx_.execute(
        "INSERT INTO invoice_adjustments (id, invoice_id, account_id, net, tax, reason, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id, invoice_.id, invoice_.account, net_.minor(), tax_.minor(), reason, now_);
    tx_.execute("UPDATE invoices SET net = net - $2, tax = tax - $3, total = total - $4 WHERE id = $1", invoice_.id,
                net_.minor(), tax_.minor(), total().minor());
    return id;
  }

  EntryId book(std::int64_t source, Money off_balance, Money to_credit, std::string_view reason) {
    ledger::Postings::Builder postings(invoice_.account);
    std::map<LedgerAccount, Money> sums;
    for (const Part& part : parts_) {
      sums.try_emplace(income_account(part.of->line.kind), Money::zero(net_.currency())).first->second += part.net;
      sums.try_emplace(LedgerAccount::tax_payable(part.of->line.tax_place), Money::zero(net_.currency()))
          .first->second += part.tax;
    }
    for (const auto& [account, amount] : sums) postings.debit(account, amount);
    postings.credit_receivable(invoice_.id, off_balance).credit(LedgerAccount::customer_credit(), to_credit);
    if (postings.empty()) return EntryId();
    return ledger::apply_new(
        tx_, {.kind = invoice_.legal() ? ledger::EntryKind::credit_note : ledger::EntryKind::lines_removed,
              .source = source,
              .account = invoice_.account,
              .booked_at = now_,
              .booked_on = rules_.today(now_),
              .postings = postings.build(),
              .description = std::string(reason)});
  }

  // What was paid beyond the rest leaves the invoice again.
  void give_back_allocations(Money amount, EntryId entry) {
    struct Paid {
      PaymentId payment;
      Money amount;
    };
    std::vector<Paid> paid;
    {
      auto rows = tx_.query(
          "SELECT payment_id, CAST(SUM(amount) AS BIGINT) FROM allocations WHERE invoice_id = $1"
          " GROUP BY payment_id HAVING SUM(amount) > 0 ORDER BY MAX(id) DESC",
          invoice_.id);
      while (rows.next()) paid.push_back({rows.id<PaymentId>(0), Money(rows.integer(1), amount.currency())});
    }
    std::stable_partition(paid.begin(), paid.end(),
                          [&](const Paid& money) { return given_back_.first && money.payment == given_back_.first; });
    Money left = amount;
    for (const Paid& money : paid) {
      const Money taken = std::min(left, money.amount);
      if (taken.is_zero()) break;
      insert_allocation(
          tx_,
          {.account = invoice_.account,
           .payment = money.payment,
           .invoice = invoice_.id,
           .amount = -taken,
           .derivation = derive_least("taken_back", {{"to_give_back", left}, {"had_paid", money.amount}})},
          entry, now_);
      left -= taken;
    }
    BURSAR_ASSERT(left.is_zero());
  }

  void mark_lines() {
    Batch rows{{"id", Batch::integer}, {"removed_at", Batch::text}, {"on_document", Batch::integer}};
    for (const Part& part : parts_) {
      if (part.whole()) rows.add(part.of->line.id, now_, invoice_.legal());
    }
    if (!rows.empty()) tx_.update_many("invoice_lines", 1, rows);
  }

  [[nodiscard]] bool anything_left() {
    auto rows =
        tx_.query("SELECT 1 FROM invoice_lines WHERE invoice_id = $1 AND removed_at IS NULL LIMIT 1", invoice_.id);
    return rows.next();
  }
  [[nodiscard]] bool was_paid() {
    auto rows = tx_.query("SELECT 1 FROM allocations WHERE invoice_id = $1 AND amount > 0 LIMIT 1", invoice_.id);
    return rows.next();
  }

  void settle(Money off_balance, Corrected& corrected) {
    const Money balance = invoice_.balance - off_balance;
    tx_.execute("UPDATE invoices SET balance = $2, version = version + 1 WHERE id = $1", invoice_.id, balance.minor());
    if (!balance.is_zero()) return;
    if (!anything_left()) {
      corrected.status = was_paid() ? InvoiceStatus::refunded : InvoiceStatus::void_;
      tx_.execute(
          "UPDATE invoices SET status = $2, autopay_on = NULL, dunning_action = NULL, dunning_on = NULL,"
          " dunning_offset = NULL WHERE id = $1",
          invoice_.id, to_string(corrected.status));
      if (invoice_.kind == InvoiceKind::order) {
        end_unpaid_order(tx_, invoice_, now_);
        close_unpaid_change(tx_, invoice_.id, now_);
      }
      return;
    }
    corrected.status = InvoiceStatus::paid;
    if (invoice_.status == InvoiceStatus::paid) return;
    corrected.newly_paid = true;
    become_paid(tx_, rules_, invoice_, now_);
  }

  Transaction& tx_;
  const Rules& rules_;
  const Invoice& invoice_;
  std::vector<Part> parts_;
  Instant now_;
  GivenBack given_back_;
  Money net_;
  Money tax_;
  Money left_;
};

Result<Invoice> correctable(Connection& c, InvoiceId id) {
  auto invoice = find_invoice(c, id);
  if (!invoice) return not_found("no_such_invoice", "There is no such invoice.");
  BURSAR_CHECK(check_correctable(*invoice));
  return *std::move(invoice);
}

const OpenLine* find_line(const std::vector<OpenLine>& lines, LineId id) {
  const auto found = std::find_if(lines.begin(), lines.end(), [id](const OpenLine& l) { return l.line.id == id; });
  return found == lines.end() ? nullptr : &*found;
}

// Whether `part` has the sign of `whole` and is not more.
bool within(Money part, Money whole) {
  return whole.is_negative() ? (part <= Money::zero(whole.currency()) && part >= whole)
                             : (!part.is_negative() && part <= whole);
}

}  // namespace

Result<Corrected> take_back_lines(Transaction& tx, const Rules& rules, InvoiceId id, std::span<const LineId> lines,
                                  std::string_view reason, Instant now, GivenBack given_back) {
  BURSAR_TRY(invoice, correctable(tx, id));
  const auto open = open_lines(tx, invoice);
  std::vector<Part> parts;
  for (const auto& line : open) {
    if (std::find(lines.begin(), lines.end(), line.line.id) != lines.end()) {
      parts.push_back(all_of(line));
    }
  }
  if (parts.empty()) return conflict("nothing_to_credit", "Nothing is left of these lines to take back.");
  return TakeBack(tx, rules, invoice, open, std::move(parts), now, given_back).run(reason);
}

namespace {

Status check_legal(const Invoice& invoice) {
  if (invoice.legal()) return {};
  return conflict("invoice_not_legal", "The invoice has no number yet; its lines can be removed.");
}

Result<Corrected> credit_parts(Transaction& tx, const Rules& rules, const Invoice& invoice,
                               const std::vector<OpenLine>& open, std::vector<Part> parts, std::string_view reason,
                               Instant now, GivenBack given_back) {
  Money total = Money::zero(invoice.total.currency());
  for (const Part& part : parts) total += part.net + part.tax;
  if (!total.is_positive()) return conflict("nothing_to_credit", "A credit note must be over more than nothing.");
  return TakeBack(tx, rules, invoice, open, std::move(parts), now, given_back).run(reason);
}

}  // namespace

Result<Corrected> credit_note(Transaction& tx, const Rules& rules, InvoiceId id, std::span<const LineCredit> parts,
                              std::string_view reason, Instant now) {
  BURSAR_TRY(invoice, correctable(tx, id));
  BURSAR_CHECK(check_legal(invoice));
  const auto open = open_lines(tx, invoice);
  std::vector<Part> taken;
  std::vector<FieldError> errors;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const OpenLine* line = find_line(open, parts[i].line);
    if (line == nullptr || !within(parts[i].net, line->net) || !within(parts[i].tax, line->tax)) {
      errors.push_back({"/lines/" + std::to_string(i), "is more than what is left of this line"});
      continue;
    }
    taken.push_back({line, parts[i].net, parts[i].tax, derive_named("staff", parts[i].net + parts[i].tax)});
  }
  if (!errors.empty()) return invalid("credit_exceeds_line", "More would be credited than is left.", std::move(errors));
  return credit_parts(tx, rules, invoice, open, std::move(taken), reason, now, {});
}

Result<Corrected> credit_amount(Transaction& tx, const Rules& rules, InvoiceId id, Money gross, std::string_view reason,
                                Instant now, std::span<const LineId> lines, GivenBack given_back) {
  BURSAR_TRY(invoice, correctable(tx, id));
  BURSAR_CHECK(check_legal(invoice));
  const auto open = open_lines(tx, invoice);
  std::vector<const OpenLine*> over;
  std::vector<Money> left;
  Money sum = Money::zero(invoice.total.currency());
  for (const auto& line : open) {
    if (!lines.empty() && std::find(lines.begin(), lines.end(), line.line.id) == lines.end()) continue;
    over.push_back(&line);
    left.push_back(line.gross());
    sum += left.back();
  }
  if (!gross.is_positive() || gross > sum) {
    return invalid("credit_exceeds_invoice", "More would be credited than is left of the invoice.",
                   {{"/amount", "must be above zero and at most " + sum.to_decimal()}});
  }
  const auto shares = spread(gross, left, {gross.minor(), sum.minor()});
  std::vector<Part> parts;
  for (std::size_t i = 0; i < over.size(); ++i) {
    if (shares[i].is_zero()) continue;
    const int sign = left[i].is_negative() ? -1 : 1;  // a discount's share is negative as well
    const Money tax = over[i]->tax.multiply({sign * shares[i].minor(), sign * left[i].minor()}, Rounding::half_up);
    parts.push_back({over[i], shares[i] - tax, tax, derive_share(gross, sum, left[i], over[i]->tax)});
  }
  return credit_parts(tx, rules, invoice, open, std::move(parts), reason, now, given_back);
}

std::vector<LineLeft> lines_left(Connection& c, const Invoice& invoice) {
  std::vector<LineLeft> left;
  for (auto& open : open_lines(c, invoice)) {
    const Money gross = open.gross();
    left.push_back({std::move(open.line), gross});
  }
  return left;
}

Result<Corrected> void_invoice(Transaction& tx, const Rules& rules, InvoiceId id, std::string_view reason,
                               Instant now) {
  BURSAR_TRY(invoice, correctable(tx, id));
  const auto open = open_lines(tx, invoice);
  std::vector<Part> parts;
  for (const auto& line : open) parts.push_back(all_of(line));
  return TakeBack(tx, rules, invoice, open, std::move(parts), now).run(reason);
}

Status write_off(Transaction& tx, const Rules& rules, InvoiceId id, std::string_view reason, Instant now) {
  const auto invoice = find_invoice(tx, id);
  if (!invoice) return not_found("no_such_invoice", "There is no such invoice.");
  if (invoice->status != InvoiceStatus::open) return conflict("invoice_not_open", "Nothing is owed on the invoice.");
  ledger::apply_new(tx, {.kind = ledger::EntryKind::invoice_written_off,
                         .source = id.value(),
                         .account = invoice->account,
                         .booked_at = now,
                         .booked_on = rules.today(now),
                         .postings = ledger::Postings::Builder(invoice->account)
                                         .debit(LedgerAccount::write_off(), invoice->balance)
                                         .credit_receivable(id, invoice->balance)
                                         .build(),
                         .description = std::string(reason)});
  tx.execute(
      "UPDATE invoices SET status = 'uncollectible', balance = 0, autopay_on = NULL, dunning_action = NULL,"
      " dunning_on = NULL, dunning_offset = NULL, version = version + 1 WHERE id = $1",
      id);
  if (invoice->kind == InvoiceKind::order) {
    end_unpaid_order(tx, *invoice, now);
    close_unpaid_change(tx, id, now);
  }
  return {};
}

}  // namespace bursar::invoicing
