#include "invoicing/invoices.hpp"

#include "base/assert.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;
using storage::Rows;

std::optional<PlannedStep> read_dunning(const Rows& rows) {
  if (rows.is_null(18)) return std::nullopt;
  return PlannedStep{{static_cast<int>(rows.integer(20)), dunning_action(rows.text(18))}, rows.date(19)};
}

Invoice read_invoice(const Rows& rows) {
  const Currency currency = Currency::parse(rows.text(7)).value();
  return {.id = rows.id<InvoiceId>(0),
          .account = rows.id<AccountId>(1),
          .kind = invoice_kind(rows.text(2)),
          .status = invoice_status(rows.text(3)),
          .number = rows.string(4),
          .issued_on = rows.date(5),
          .due_on = rows.date(6),
          .net = Money(rows.integer(8), currency),
          .tax = Money(rows.integer(9), currency),
          .total = Money(rows.integer(10), currency),
          .balance = Money(rows.integer(11), currency),
          .seller_party = rows.integer(12),
          .buyer_party = rows.integer(13),
          .late_fee_of = rows.id<InvoiceId>(14),
          .created_at = rows.instant(15),
          .paid_at = rows.optional_instant(16),
          .autopay_on = rows.optional_date(17),
          .autopay_attempts = static_cast<int>(rows.integer(21)),
          .dunning = read_dunning(rows),
          .version = rows.integer(22)};
}

Line read_line(const Rows& rows, Currency currency) {
  return {.id = rows.id<LineId>(0),
          .position = static_cast<int>(rows.integer(1)),
          .kind = line_kind(rows.text(2)),
          .service = rows.id<ServiceId>(3),
          .period_start = rows.optional_date(4),
          .period_end = rows.optional_date(5),
          .description = rows.string(6),
          .quantity = rows.integer(7),
          .unit_code = rows.string(8),
          .unit_price = Money(rows.integer(9), currency),
          .net = Money(rows.integer(10), currency),
          .tax = Money(rows.integer(11), currency),
          .tax_rule = rows.string(12),
          .tax_place = rows.string(13),
          .tax_rate = Ratio{rows.integer(14), 100'000'000},
          .tax_inclusive = rows.boolean(15),
          .tax_category = rows.string(16),
          .exemption_reason = rows.string(17),
          .removed = !rows.is_null(18)};
}

std::vector<Invoice> read_all(Rows rows) {
  std::vector<Invoice> invoices;
  while (rows.next()) invoices.push_back(read_invoice(rows));
  return invoices;
}

#define BURSAR_INVOICE_COLUMNS                                                                                  \
  "SELECT id, account_id, kind, status, number, issued_on, due_on, currency, net, tax, total, balance,"         \
  " seller_party_id, buyer_party_id, late_fee_of, created_at, paid_at, autopay_on, dunning_action, dunning_on," \
  " dunning_offset, autopay_attempts, version FROM invoices "

}  // namespace

std::optional<Invoice> find_invoice(Connection& c, InvoiceId id) {
  auto found = read_all(c.query(BURSAR_INVOICE_COLUMNS "WHERE id = $1", id));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<Line> lines_of(Connection& c, const Invoice& invoice) {
  auto rows = c.query(
      "SELECT id, position, kind, service_id, period_start, period_end, description, quantity, unit_code, unit_price,"
      " net, tax, tax_rule, tax_place, tax_rate, tax_inclusive, tax_category, exemption_reason, removed_at"
      " FROM invoice_lines WHERE invoice_id = $1 ORDER BY position",
      invoice.id);
  std::vector<Line> lines;
  while (rows.next()) lines.push_back(read_line(rows, invoice.total.currency()));
  return lines;
}

std::vector<Invoice> open_invoices(Connection& c, AccountId account) {
  return read_all(
      c.query(BURSAR_INVOICE_COLUMNS "WHERE account_id = $1 AND status = 'open' ORDER BY due_on, id", account));
}

std::vector<Invoice> list_invoices(Connection& c, const InvoiceFilter& filter) {
  const std::string_view status = filter.status ? to_string(*filter.status) : std::string_view();
  const std::string due_before = filter.due_before ? filter.due_before->to_string() : std::string();
  const std::int64_t before = filter.before ? filter.before.value() : INT64_MAX;
  if (filter.account) {
    return read_all(c.query(BURSAR_INVOICE_COLUMNS "WHERE account_id = $1 AND id < $2 AND ($3 = '' OR status = $3)"
                                                   " AND ($4 = '' OR due_on < $4) ORDER BY id DESC LIMIT $5",
                            filter.account, before, status, due_before, filter.limit));
  }
  return read_all(c.query(BURSAR_INVOICE_COLUMNS "WHERE id < $1 AND ($2 = '' OR status = $2)"
                                                 " AND ($3 = '' OR due_on < $3) ORDER BY id DESC LIMIT $4",
                          before, status, due_before, filter.limit));
}

#undef BURSAR_INVOICE_COLUMNS

std::vector<CreditNote> credit_notes_of(Connection& c, InvoiceId invoice) {
  std::vector<CreditNote> notes;
  {
    auto rows = c.query(
        "SELECT id, account_id, number, issued_on, currency, net, tax, total, reason FROM credit_notes"
        " WHERE invoice_id = $1 ORDER BY id",
        invoice);
    while (rows.next()) {
      const Currency currency = Currency::parse(rows.text(4)).value();
      notes.push_back({.id = rows.id<CreditNoteId>(0),
                       .account = rows.id<AccountId>(1),
                       .invoice = invoice,
                       .number = rows.string(2),
                       .issued_on = rows.date(3),
                       .net = Money(rows.integer(5), currency),
                       .tax = Money(rows.integer(6), currency),
                       .total = Money(rows.integer(7), currency),
                       .reason = rows.string(8),
                       .lines = {}});
    }
  }
  for (auto& note : notes) {
    const Currency currency = note.total.currency();
    auto rows = c.query(
        "SELECT line_id, net, tax, description, derivation FROM credit_note_lines WHERE credit_note_id = $1 ORDER BY "
        "position",
        note.id);
    while (rows.next()) {
      note.lines.push_back({rows.id<LineId>(0), Money(rows.integer(1), currency), Money(rows.integer(2), currency),
                            rows.string(3), rows.string(4)});
    }
  }
  return notes;
}

}  // namespace bursar::invoicing
