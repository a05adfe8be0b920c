// What follows when an invoice is paid, whatever path paid it. Internal to invoicing.
#pragma once

#include <vector>

#include "invoicing/invoices.hpp"
#include "invoicing/rules.hpp"

namespace bursar::invoicing {

// The services that an invoice covers: lines that were not taken back.
std::vector<ServiceId> services_of(storage::Connection& c, InvoiceId invoice);

// Marks it paid (balance 0 is the caller's word), clears autopay and dunning, gives a pro-forma its number, turns a
// deposit into credit, and starts or brings back services. Answers the services it covers.
std::vector<ServiceId> become_paid(storage::Transaction& tx, const Rules& rules, const Invoice& invoice, Instant now);

// The part of it that concerns services; for invoices that were written as paid.
void release_services(storage::Transaction& tx, const Rules& rules, const Invoice& invoice,
                      const std::vector<ServiceId>& services, Instant now);

}  // namespace bursar::invoicing
