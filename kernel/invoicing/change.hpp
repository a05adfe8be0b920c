// An upgrade in mid-period: the days left of the paid period are credited at the old price and charged at the new one,
// on one invoice that account credit pays at once. See docs/design/invoicing.md for what is refused, and why.
#pragma once

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/orders.hpp"
#include "invoicing/rules.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

// What the upgrade would cost; nothing is stored. Errors as upgrade_service(), save for credit_too_low and
// out_of_stock.
Result<Quote> quote_upgrade(storage::Connection& c, const Rules& rules, ServiceId service, ProductId product,
                            Instant now);

// Invoice, journal entry and the service's new product and price in one transaction; where a panel runs the service,
// staff get a task. 404 no_such_object; 422 invalid_change (/product_id); 409 service_not_changeable,
// period_not_changeable, promotion_running, tax_changed, credit_too_low, out_of_stock.
Result<InvoiceId> upgrade_service(storage::Transaction& tx, const Rules& rules, ServiceId service, ProductId product,
                                  const accounts::Actor& actor, Instant now);

}  // namespace bursar::invoicing
