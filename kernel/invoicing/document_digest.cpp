#include "invoicing/document_digest.hpp"

namespace bursar::invoicing {
namespace {

// Reads each row's columns as they are stored.
void add_rows(Digest& digest, storage::Rows rows, int columns) {
  while (rows.next()) {
    for (int i = 0; i < columns; ++i) digest.add(rows.is_null(i) ? std::string_view() : rows.text(i));
  }
}

}  // namespace

std::string digest_of(Digest& digest, const InvoiceHead& head, std::span<const DraftLine> lines) {
  digest.add(head.number, to_string(head.kind), head.issued_on, head.due_on, head.total.currency().code(),
             head.net.minor(), head.tax.minor(), head.total.minor(), head.seller_party, head.buyer_party);
  int position = 1;
  for (const DraftLine& line : lines) {
    digest.add(position++, to_string(line.kind), line.service);
    if (line.period) {
      digest.add(line.period->start, line.period->end);
    } else {
      digest.add("", "");
    }
    const catalog::TaxTreatment& tax = *line.treatment;
    digest.add(line.description, line.quantity, line.unit_code, line.unit_price.minor(), line.net.minor(),
               line.tax.minor(), tax.rule, tax.place, tax.rate.num, tax.inclusive, tax.category, tax.exemption_reason);
  }
  return digest.hex();
}

void stamp_invoice(storage::Transaction& tx, InvoiceId invoice) {
  Digest digest;
  add_rows(digest,
           tx.query("SELECT number, kind, issued_on, due_on, currency, net, tax, total, seller_party_id,"
                    " buyer_party_id FROM invoices WHERE id = $1",
                    invoice),
           10);
  add_rows(digest,
           tx.query("SELECT position, kind, service_id, period_start, period_end, description, quantity, unit_code,"
                    " unit_price, net, tax, tax_rule, tax_place, tax_rate, tax_inclusive, tax_category,"
                    " exemption_reason FROM invoice_lines WHERE invoice_id = $1 AND on_document = 1 ORDER BY position",
                    invoice),
           17);
  tx.execute("UPDATE invoices SET digest = $2 WHERE id = $1", invoice, digest.hex());
}

void stamp_credit_note(storage::Transaction& tx, CreditNoteId note) {
  Digest digest;
  add_rows(digest,
           tx.query("SELECT number, invoice_id, issued_on, currency, net, tax, total, reason, seller_party_id,"
                    " buyer_party_id FROM credit_notes WHERE id = $1",
                    note),
           10);
  add_rows(digest,
           tx.query("SELECT position, line_id, net, tax, description FROM credit_note_lines"
                    " WHERE credit_note_id = $1 ORDER BY position",
                    note),
           5);
  tx.execute("UPDATE credit_notes SET digest = $2 WHERE id = $1", note, digest.hex());
}

}  // namespace bursar::invoicing
