// Digests of issued documents (base/digest.hpp): an invoice gets its own with its number, a credit note with its lines.
// What a document says never changes, so `bursar db verify` can ask for good whether it does.
//
// Of an invoice: number, kind, issued_on, due_on, currency, net, tax, total, seller_party_id, buyer_party_id; then of
// each line that is on it, by position: position, kind, service_id, period_start, period_end, description, quantity,
// unit_code, unit_price, net, tax, tax_rule, tax_place, tax_rate, tax_inclusive, tax_category, exemption_reason.
// Of a credit note: number, invoice_id, issued_on, currency, net, tax, total, reason, seller_party_id, buyer_party_id;
// then of each line position, line_id, net, tax, description.
// The parties are snapshots that bear digests of their own (accounts/parties.hpp).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "invoicing/engine.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

struct InvoiceHead {
  std::string_view number;
  InvoiceKind kind;
  CivilDate issued_on;
  CivilDate due_on;
  Money net;
  Money tax;
  Money total;
  std::int64_t seller_party = 0;
  std::int64_t buyer_party = 0;
};
std::string digest_of(Digest& digest, const InvoiceHead& head, std::span<const DraftLine> lines);

// Stores the digest of an invoice that takes its number long after it was written, or of a credit note.
void stamp_invoice(storage::Transaction& tx, InvoiceId invoice);
void stamp_credit_note(storage::Transaction& tx, CreditNoteId note);

}  // namespace bursar::invoicing
