// What happens to a change when something happens to its invoice. Internal to invoicing.
#pragma once

#include "invoicing/change.hpp"
#include "services/services.hpp"

namespace bursar::invoicing {

std::optional<ServiceChange> find_change(storage::Connection& c, std::int64_t id);
std::optional<ServiceChange> change_of_invoice(storage::Connection& c, InvoiceId invoice);

// The service has the new terms from here on, and its panel is told. Lines at the old terms of periods to come are
// taken back by the daily run, as for a cancellation. Nothing happens to a service that has ended: the run gives the
// money back.
void apply_change(storage::Transaction& tx, const ServiceChange& change, Instant now);
// For an invoice that was paid just now; exactly once, however often it is paid.
void apply_paid_change(storage::Transaction& tx, InvoiceId invoice, Instant now);

// The change whose invoice is not to be paid any more.
void close_unpaid_change(storage::Transaction& tx, InvoiceId invoice, Instant now);

}  // namespace bursar::invoicing
