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
    {"service_has_last_terms",
     "A service has the product, price and cycle of the last change that was applied to it; price and cycle may be "
     "those of the next one, once that is billed.",
     "srv",
     "SELECT s.id, 'its product, price or cycle is not that of its last change' FROM services s JOIN service_changes c "
     "ON c.service_id = s.id WHERE s.ended_at IS NULL AND c.sequence = (SELECT max(l.sequence) FROM service_changes l "
     "WHERE "
     "l.service_id = s.id AND l.status = 'applied') AND (s.product_id <> c.to_product_id OR ((s.price <> c.to_price OR "
     "s.cycle <> c.to_cycle) AND NOT EXISTS (SELECT 1 FROM service_changes n WHERE n.service_id = s.id AND n.billed_at "
     "IS NOT NULL AND n.status = 'scheduled' AND n.to_price = s.price AND n.to_cycle = s.cycle)))"},
    {"change_credit_is_credited", "What a change gave for the days left is what its credit notes say.", "srv",
     "SELECT c.service_id, 'a change gave ' || CAST(c.credit AS TEXT) || ', its credit notes ' || "
     "CAST(coalesce(n.total, 0) AS TEXT) FROM service_changes c LEFT JOIN (SELECT service_change_id, sum(total) AS "
     "total "
     "FROM credit_notes WHERE service_change_id IS NOT NULL GROUP BY service_change_id) n ON n.service_change_id = "
     "c.id "
     "WHERE c.credit <> coalesce(n.total, 0)"},
    {"scheduled_change_waits",
     "A change at the end of the period costs and gives nothing, and is looked at on its day at the latest.", "srv",
     "SELECT service_id, 'a change that waits for ' || effective_on || ' has an invoice or credit, or is looked at too "
     "late' FROM service_changes WHERE status = 'scheduled' AND (takes_effect <> 'end_of_period' OR invoice_id IS NOT "
     "NULL OR credit <> 0 OR look_on IS NULL OR look_on > effective_on)"},
    {"billed_change_has_its_terms", "What is billed by the terms of a change to come has them.", "srv",
     "SELECT s.id, 'its price or cycle is not that of the change it is billed by' FROM service_changes c JOIN services "
     "s ON s.id = c.service_id WHERE c.status = 'scheduled' AND c.billed_at IS NOT NULL AND s.ended_at IS NULL AND "
     "(s.price <> c.to_price OR s.cycle <> c.to_cycle)"},
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
