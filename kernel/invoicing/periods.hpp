// The periods of a service as lines bill them, and what is taken back of invoices over those that have not begun when
// it ends. Internal to invoicing, but for first_day_billed(), end_billing(), take_back_periods() and
// lines_to_be_removed().
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "invoicing/invoices.hpp"
#include "invoicing/rules.hpp"
#include "services/cancellation.hpp"
#include "services/services.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

using LinesByInvoice = std::map<InvoiceId, std::vector<LineId>>;

// The first day of the period that the line bills in whole, as a renewal does, and a change to a longer cycle. None for
// a line that bills a part of one, or none.
std::optional<CivilDate> first_day_billed(storage::Connection& c, const Line& line);

// Lines of periods that begin on or after `from`, with the discounts on them.
LinesByInvoice lines_from(storage::Connection& c, ServiceId service, CivilDate from);

// What a customer's wish to end the service takes off invoices: lines of periods from `from` on, paid or not; of a
// service that never began, everything that its order put there.
struct CancelledLines {
  CivilDate from;
  LinesByInvoice lines;
};
CancelledLines cancelled_lines(storage::Connection& c, const services::Service& service, CivilDate effective_on,
                               services::CancellationKind kind);

// Lines of the invoice that the next daily run takes off for cancellations, as long as they are not withdrawn.
std::vector<LineId> lines_to_be_removed(storage::Connection& c, InvoiceId invoice, const std::vector<Line>& lines);

// The first day from which periods count as not begun when a service ends at once on `today`. A period that begins on
// that very day has begun when it is paid: ending at once gives nothing back. While it is unpaid it need not be paid
// any more.
CivilDate first_day_unbegun(storage::Connection& c, ServiceId service, CivilDate today);

// Answers how many invoices were adjusted; a void or written-off one has nothing to give.
int take_back(storage::Transaction& tx, const Rules& rules, const LinesByInvoice& lines, std::string_view reason,
              Instant now);

// For a service that was terminated today: nobody pays for a period that it will not see. What was paid for one becomes
// credit.
void end_billing(storage::Transaction& tx, const Rules& rules, ServiceId service, CivilDate today, Instant now);

// Brings the next due date of a running service back over its last periods from `from` on whose lines were taken back,
// so that they are invoiced again while it runs. A period between others that stand is left out, and so are the days of
// an earlier one that a change had broken off: they are paid for, and the service is billed from their end on.
void take_back_periods(storage::Transaction& tx, const services::Service& service, CivilDate from);

}  // namespace bursar::invoicing
