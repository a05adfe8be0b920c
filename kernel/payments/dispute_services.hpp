// What becomes of the services that a disputed payment paid for. Internal to payments.
#pragma once

#include <vector>

#include "accounts/actor.hpp"
#include "payments/disputes.hpp"

namespace bursar::payments {

// Of suspensions for an undecided dispute. One that is lost and owed again becomes services::overdue, so that paying
// ends it.
inline constexpr std::string_view disputed_reason = "disputed";

// Each answers whether it changed any service.
bool services_on_opened(storage::Transaction& tx, const Context& context, const std::vector<InvoiceId>& invoices,
                        const accounts::Actor& actor, Instant now);
bool services_on_won(storage::Transaction& tx, const std::vector<InvoiceId>& invoices, const accounts::Actor& actor,
                     Instant now);
// `owed_again`: of the invoices, those that were opened again.
bool services_on_lost(storage::Transaction& tx, const Context& context, const std::vector<InvoiceId>& invoices,
                      const std::vector<InvoiceId>& owed_again, const accounts::Actor& actor, Instant now);

}  // namespace bursar::payments
