// Taking back what was invoiced. A legal invoice is never changed: a numbered credit note stands against it. One that
// is not legal yet (pro-forma, invoice_becomes_legal: at_payment) loses the lines, with an invoice_adjustments row and
// a reversing entry. Either way what was paid beyond the rest becomes customer credit; refunds to a gateway are then
// taken from that credit by payments. Who did it is audited by the caller, in the same transaction.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/rules.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

// A part of a line: `net` and `tax` have the line's own signs and are at most what is left of it.
struct LineCredit {
  LineId line;
  Money net;
  Money tax;
};

struct Corrected {
  CreditNoteId credit_note;                    // none when the invoice was not legal
  Money total;                                 // taken back
  Money to_credit;                             // of it, what had been paid and is customer credit now
  InvoiceStatus status = InvoiceStatus::open;  // of the invoice now
  bool newly_paid = false;                     // the rest of it had been paid before
};

// Whose money leaves the invoice first where some of it had been paid. What `first` brought goes before the others, as
// it goes back the way it came; then the newest money: last in, first out.
struct GivenBack {
  PaymentId first = {};
};

// Whether anything of it can still be taken back: it is open or paid. 409 invoice_not_voidable for another, and for a
// deposit that has become credit.
Status check_correctable(const Invoice& invoice);

// Takes back whole lines: by a credit note, or off a pro-forma. Lines already taken back are left out; when nothing
// is left to take back: 409 nothing_to_credit.
Result<Corrected> take_back_lines(storage::Transaction& tx, const Rules& rules, InvoiceId invoice,
                                  std::span<const LineId> lines, std::string_view reason, Instant now,
                                  GivenBack given_back = {});

// Credits parts of lines of a legal invoice (409 invoice_not_legal for another). More than is left: 422.
Result<Corrected> credit_note(storage::Transaction& tx, const Rules& rules, InvoiceId invoice,
                              std::span<const LineCredit> parts, std::string_view reason, Instant now);
// The same for a gross amount, spread over what is left of the lines (of `lines`, where any are named) in proportion.
Result<Corrected> credit_amount(storage::Transaction& tx, const Rules& rules, InvoiceId invoice, Money gross,
                                std::string_view reason, Instant now, std::span<const LineId> lines = {},
                                GivenBack given_back = {});

// What has not been taken back of an invoice's lines yet, with tax; lines taken back in whole are left out.
struct LineLeft {
  Line line;
  Money gross;
};
std::vector<LineLeft> lines_left(storage::Connection& c, const Invoice& invoice);

// Everything that is left of the invoice is taken back; a legal one stays with its number. It is void then, or refunded
// when some of it had been paid. Services of it that never began are cancelled. 409 invoice_not_voidable for one
// already void, refunded or written off, and for a deposit that has become credit.
Result<Corrected> void_invoice(storage::Transaction& tx, const Rules& rules, InvoiceId invoice, std::string_view reason,
                               Instant now);

// Gives up the balance: debit write_off. Services of it that never began are cancelled. 409 invoice_not_open for one
// that is not open.
Status write_off(storage::Transaction& tx, const Rules& rules, InvoiceId invoice, std::string_view reason, Instant now);

}  // namespace bursar::invoicing
