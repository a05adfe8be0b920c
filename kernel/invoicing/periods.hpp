// The periods of a service as lines bill them, and what is taken back of invoices over those that have not begun when
// it ends. Internal to invoicing, but for first_day_billed(), end_billing() and take_back_periods().
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "invoicing/invoices.hpp"
#include "invoicing/rules.hpp"
#include "services/services.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

using LinesByInvoice = std::map<InvoiceId, std::vector<LineId>>;

// The first day of the period that the line bills in whole, as a renewal does, and a change to a longer cycle. None for
// a line that bills a part of one, or none.
std::optional<CivilDate> first_day_billed(storage::Connection& c, const Line& line);

// Lines of periods that begin on or after `from`, with the discounts on them.
LinesByInvoice lines_from(storage::Transaction& tx, ServiceId service, CivilDate from);

// The first day from which periods count as not begun when a service ends at once on `today`. A period that begins on
// that very day has begun when it is paid: ending at once gives nothing back. While it is unpaid it need not be paid
// any more.
CivilDate first_day_unbegun(storage::Transaction& tx, ServiceId service, CivilDate today);

// Answers how many invoices were adjusted; a void or written-off one has nothing to give.
int take_back(storage::Transaction& tx, const Rules& rules, const LinesByInvoice& lines, std::string_view reason,
              Instant now);

// For a service that was terminated today: nobody pays for a period that it will not see. What was paid for one becomes
// credit.
void end_billing(storage::Transaction& tx, const Rules& rules, ServiceId service, CivilDate today, Instant now);

// Brings the next due date of a running service back over its last periods from `from` on whose lines were taken back,
// so that they are invoiced again while it runs. A period between others that stand is left out.
void take_back_periods(storage::Transaction& tx, const services::Service& service, CivilDate from);

}  // namespace bursar::invoicing
