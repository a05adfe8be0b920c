#include "verify/checks.hpp"

namespace bursar::verify {
namespace {

const QueryCheck checks[] = {
    {"no_charge_on_hold", "What is on hold is not charged automatically.", "hld",
     "SELECT h.id, 'an automatic charge was recorded at ' || p.created_at FROM holds h JOIN payments p ON "
     "p.account_id = h.account_id AND p.origin = 'autopay' AND p.decline_code <> 'invoice_held' AND p.created_at > "
     "h.created_at AND (h.ended_at IS NULL OR p.created_at < h.ended_at) WHERE (h.invoice_id IS NULL AND h.service_id "
     "IS NULL) OR p.invoice_id = h.invoice_id OR EXISTS (SELECT 1 FROM invoice_lines l WHERE l.invoice_id = "
     "p.invoice_id AND l.service_id = h.service_id AND l.removed_at IS NULL)"},
    {"no_suspension_on_hold", "What is on hold is not suspended or terminated as overdue.", "hld",
     "SELECT h.id, e.action || ' at ' || e.at FROM holds h JOIN audit_events e ON e.account_id = h.account_id AND "
     "e.actor = 'job' AND e.action IN ('service.suspend', 'service.terminate') AND e.detail LIKE '%\"overdue\"%' AND "
     "e.at > h.created_at AND (h.ended_at IS NULL OR e.at < h.ended_at) WHERE (h.invoice_id IS NULL AND h.service_id "
     "IS NULL) OR e.object = 'srv:' || CAST(h.service_id AS TEXT)"},
    {"no_late_fee_on_hold", "What is on hold bears no late fee.", "hld",
     "SELECT h.id, 'a late fee was issued at ' || f.created_at FROM holds h JOIN invoices f ON f.account_id = "
     "h.account_id AND f.kind = 'late_fee' AND f.created_at > h.created_at AND (h.ended_at IS NULL OR f.created_at < "
     "h.ended_at) WHERE (h.invoice_id IS NULL AND h.service_id IS NULL) OR f.late_fee_of = h.invoice_id OR EXISTS "
     "(SELECT 1 FROM invoice_lines l WHERE l.invoice_id = f.late_fee_of AND l.service_id = h.service_id AND "
     "l.removed_at IS NULL)"},
    {"hold_ends_by_itself", "A hold has ended when the daily run of a day after it is done.", "hld",
     "SELECT h.id, 'it ends on ' || h.until_on || ' and stands after the run of ' || r.logical_date FROM holds h JOIN "
     "scheduler_runs r ON r.job = 'daily' AND r.status = 'done' AND r.logical_date > h.until_on WHERE h.ended_at IS "
     "NULL AND NOT EXISTS (SELECT 1 FROM parked_accounts p WHERE p.run_id = r.id AND p.account_id = h.account_id)"},
};

}  // namespace

std::span<const QueryCheck> hold_checks() { return checks; }

}  // namespace bursar::verify
