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
// The part of it that invoices see: price, cycle and due date. A change at the end of the period has it ahead of the
// rest, when the next period is to be billed.
void take_billing_terms(storage::Transaction& tx, const services::Service& service, const ServiceChange& change);
// For an invoice that was paid just now; exactly once, however often it is paid.
void apply_paid_change(storage::Transaction& tx, InvoiceId invoice, Instant now);

// It will not be; the customer is told why.
enum class Closed { withdrawn, unpaid };
void close_change(storage::Transaction& tx, const ServiceChange& change, Closed why, Instant now);
// The change whose invoice is not to be paid any more.
void close_unpaid_change(storage::Transaction& tx, InvoiceId invoice, Instant now);

}  // namespace bursar::invoicing
