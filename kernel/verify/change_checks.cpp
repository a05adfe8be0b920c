#include "verify/checks.hpp"

namespace bursar::verify {
namespace {

const QueryCheck checks[] = {
    {"unpaid_change_has_open_invoice", "A change that waits for a payment waits for an open invoice of its account.",
     "srv",
     "SELECT c.service_id, 'a change waits for an invoice that is ' || coalesce(i.status, 'not there') FROM "
     "service_changes c JOIN services s ON s.id = c.service_id LEFT JOIN invoices i ON i.id = c.invoice_id AND "
     "i.account_id = c.account_id WHERE c.status = 'awaiting_payment' AND (i.id IS NULL OR (i.status <> 'open' AND "
     "s.ended_at IS NULL))"},
    {"paid_change_is_applied", "Whoever paid for a change has it, or has the money back.", "srv",
     "SELECT c.service_id, 'a change was withdrawn though its invoice is paid' FROM service_changes c JOIN invoices i "
     "ON i.id = c.invoice_id WHERE c.status = 'withdrawn' AND i.status = 'paid'"},
    {"service_has_last_terms", "A service has the product and price of the last change that was applied to it.", "srv",
     "SELECT s.id, 'its product or price is not that of its last change' FROM services s JOIN service_changes c ON "
     "c.service_id = s.id WHERE c.sequence = (SELECT max(l.sequence) FROM service_changes l WHERE l.service_id = s.id "
     "AND "
     "l.status = 'applied') AND (s.product_id <> c.to_product_id OR s.price <> c.to_price)"},
    {"change_is_looked_at", "What is left to do for a change has a day on which the daily run does it.", "srv",
     "SELECT service_id, 'a change that is ' || status || ' is never looked at again' FROM service_changes WHERE "
     "look_on IS NULL AND status = 'awaiting_payment'"},
    {"new_plan_is_pursued", "Where a panel does not have the new plan yet, something is under way.", "srv",
     "SELECT c.service_id, 'its panel does not have the new plan, and no effect is open' FROM service_changes c WHERE "
     "c.plan_state = 'wanted' AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.object_id = c.service_id AND e.kind = "
     "'change_plan' AND e.state NOT IN ('done', 'failed'))"},
};

}  // namespace

std::span<const QueryCheck> change_checks() { return checks; }

}  // namespace bursar::verify
