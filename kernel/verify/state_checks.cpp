#include "verify/checks.hpp"

namespace bursar::verify {
namespace {

const QueryCheck checks[] = {
    {"suspended_has_reason", "A service is suspended for a reason.", "srv",
     "SELECT id, 'suspended without a reason' FROM services WHERE status = 'suspended' AND suspend_reason = ''"},
    {"ended_is_not_due", "What has ended is not billed again.", "srv",
     "SELECT id, 'status ' || status || ' with a next due date' FROM services WHERE status IN ('cancelled', "
     "'terminated') "
     "AND next_due_on IS NOT NULL"},
    {"no_lines_after_end", "Nothing is invoiced for a service after its end.", "srv",
     "SELECT s.id, 'ended ' || s.ended_at || ', invoiced ' || i.created_at FROM services s JOIN invoice_lines l ON "
     "l.service_id = s.id "
     "JOIN invoices i ON i.id = l.invoice_id WHERE s.ended_at IS NOT NULL AND i.created_at > s.ended_at AND "
     "l.removed_at IS NULL "
     "AND l.kind = 'recurring'"},
    {"desired_state_is_pursued", "Where a panel is not yet as wanted, something is under way.", "srv",
     "SELECT s.id, 'wanted ' || s.desired_state || ', is ' || s.actual_state || ', and no effect is open' FROM "
     "services s WHERE "
     "s.desired_state <> 'none' AND s.desired_state <> s.actual_state AND NOT (s.desired_state = 'terminated' AND "
     "s.actual_state = "
     "'none') AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.object_id = s.id AND e.kind = 'provision' AND e.state "
     "NOT IN "
     "('done', 'failed'))"},
    {"effect_has_next_look", "Each outside act has an outcome or a time when it is looked at next.", "eff",
     "SELECT id, kind || ' ' || key || ' is ' || state || ' and nobody looks at it again' FROM effects WHERE "
     "next_at IS NULL AND state IN ('recorded', 'unknown', 'waiting')"},
    {"effect_in_flight_has_lease", "An act in flight has a worker and a lease.", "eff",
     "SELECT id, kind || ' ' || key || ' is in flight without a lease' FROM effects WHERE state = 'in_flight' AND "
     "lease_until IS NULL"},
    {"pending_payment_is_pursued", "A payment without a final word has an effect that asks for it.", "pay",
     "SELECT p.id, 'status ' || p.status || ' and no open effect' FROM payments p WHERE p.status IN ('pending', "
     "'unknown') AND "
     "NOT EXISTS (SELECT 1 FROM effects e WHERE e.object_id = p.id AND e.kind = 'charge' AND e.state NOT IN ('done', "
     "'failed'))"},
    {"message_once", "A person is told of a cause once a channel.", "msg",
     "SELECT min(id), cause || ' to ' || recipient || ' by ' || channel || ' ' || CAST(count(*) AS TEXT) || ' times' "
     "FROM messages "
     "GROUP BY cause, recipient, channel HAVING count(*) > 1"},
    {"instant_runs_once", "A scheduled instant has one run.", "run",
     "SELECT min(id), job || ' at ' || scheduled_at || ' ' || CAST(count(*) AS TEXT) || ' times' FROM scheduler_runs "
     "GROUP BY job, scheduled_at HAVING count(*) > 1"},
    {"runs_in_order", "A run is not done before an earlier one of its job.", "run",
     "SELECT r.id, r.job || ' at ' || r.scheduled_at || ' is ' || r.status || ' though a later one is done' FROM "
     "scheduler_runs r "
     "WHERE r.status = 'waiting' AND EXISTS (SELECT 1 FROM scheduler_runs l WHERE l.job = r.job AND l.scheduled_at > "
     "r.scheduled_at "
     "AND l.status = 'done')"},
    {"session_has_user", "No session of a disabled or missing user.", "ses",
     "SELECT s.id, 'its user is missing or disabled' FROM sessions s LEFT JOIN users u ON u.id = s.user_id AND "
     "u.status = 'active' "
     "WHERE u.id IS NULL"},
};

}  // namespace

std::span<const QueryCheck> state_checks() { return checks; }

}  // namespace bursar::verify
