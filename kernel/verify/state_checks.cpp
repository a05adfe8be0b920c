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
    {"panel_account_is_one_services", "An account at a panel is one service's, until that has ended there.", "srv",
     "SELECT max(id), 'the account ' || panel_reference || ' at ' || panel || ' is that of ' || CAST(count(*) AS TEXT) "
     "|| ' services' FROM services WHERE panel_reference <> '' AND actual_state <> 'terminated' GROUP BY panel, "
     "panel_reference HAVING count(*) > 1"},
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
    {"autopay_charge_is_an_attempt", "Each automatic charge is one attempt of its invoice by its method.", "pay",
     "SELECT p.id, 'its attempt is missing, or names another invoice, account or method' FROM payments p LEFT JOIN "
     "autopay_attempts a ON a.payment_id = p.id WHERE p.origin = 'autopay' AND (a.payment_id IS NULL OR a.invoice_id "
     "<> "
     "p.invoice_id OR a.account_id <> p.account_id OR a.method_id <> p.method_id)"},
    {"autopay_attempt_has_its_charge", "What auto-pay says of a charge is what became of it.", "inv",
     "SELECT a.invoice_id, 'an attempt is ' || a.outcome || ', its payment ' || coalesce(p.status, 'missing') FROM "
     "autopay_attempts a LEFT JOIN payments p ON p.id = a.payment_id WHERE a.payment_id IS NOT NULL AND (p.id IS NULL "
     "OR p.origin <> 'autopay' OR (a.outcome = 'charged' AND p.status = 'failed'))"},
    {"autopay_charges_one_at_a_time", "No automatic charge begins while the one before it is open.", "inv",
     "SELECT a.invoice_id, CAST(count(*) AS TEXT) || ' automatic charges are open' FROM autopay_attempts a JOIN "
     "payments p ON p.id = a.payment_id WHERE a.outcome = 'charged' AND p.status IN ('pending', 'requires_action', "
     "'unknown') GROUP BY a.invoice_id HAVING count(*) > 1"},
    {"open_setup_is_pursued", "A method that is begun to be saved has an effect that asks what became of it.", "pms",
     "SELECT s.id, 'status ' || s.status || ' and no open effect' FROM method_setups s WHERE s.status IN ('pending', "
     "'requires_action', 'unknown') AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.object_id = s.id AND e.kind = "
     "'setup' AND e.state NOT IN ('done', 'failed'))"},
    {"saved_method_is_the_accounts",
     "What a setup or a payment saved is a method of its account at its gateway, and "
     "was agreed to.",
     "pm",
     "SELECT x.method_id, 'saved for another account or gateway, by nobody, or not there' FROM (SELECT account_id, "
     "gateway, method_id, 1 AS agreed FROM method_setups WHERE method_id IS NOT NULL UNION ALL SELECT account_id, "
     "gateway, saved_method_id, save_method FROM payments WHERE saved_method_id IS NOT NULL) x LEFT JOIN "
     "payment_methods m ON m.id = x.method_id AND m.account_id = x.account_id AND m.gateway = x.gateway WHERE m.id IS "
     "NULL OR x.agreed = 0"},
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
    {"effect_is_over", "An act with an outcome is not looked at again.", "eff",
     "SELECT id, kind || ' ' || key || ' is ' || state || ' and would be looked at again' FROM effects WHERE state IN "
     "('done', 'failed') AND (next_at IS NOT NULL OR finished_at IS NULL)"},
    {"message_is_pursued", "A message that waits has an effect that sends it.", "msg",
     "SELECT m.id, m.cause || ' waits and nothing sends it' FROM messages m WHERE m.status = 'waiting' AND NOT EXISTS "
     "(SELECT 1 FROM effects e WHERE e.object_id = m.id AND e.kind = 'message' AND e.state NOT IN ('done', 'failed'))"},
    {"running_run_is_held", "A run under way is held by a process until a certain time.", "run",
     "SELECT id, job || ' at ' || scheduled_at || ' runs without an owner' FROM scheduler_runs WHERE status = "
     "'running' "
     "AND (owner IS NULL OR lease_until IS NULL)"},
    {"done_run_did_all_steps", "A run is done when its steps are.", "run",
     "SELECT r.id, r.job || ' at ' || r.scheduled_at || ' is done without its step ' || s.step FROM scheduler_runs r "
     "JOIN scheduler_steps s ON s.run_id = r.id WHERE r.status = 'done' AND s.status <> 'done'"},
    {"held_step_did_nothing", "A step that waits for an approval, or did not get it, has done nothing.", "run",
     "SELECT c.run_id, c.step || ' is ' || c.verdict || ' and has begun' FROM step_checks c JOIN scheduler_steps s ON "
     "s.run_id = c.run_id AND s.step = c.step WHERE c.verdict IN ('held', 'rejected', 'lapsed')"},
    {"held_run_awaits_approval", "A held run has a step to be approved, and nobody else's hand on it.", "run",
     "SELECT r.id, r.job || ' at ' || r.scheduled_at || ' is held without a cause' FROM scheduler_runs r WHERE "
     "r.status = 'held' AND (r.owner IS NOT NULL OR NOT EXISTS (SELECT 1 FROM step_checks c WHERE c.run_id = r.id AND "
     "c.verdict = 'held'))"},
    {"decision_has_its_person",
     "A step was approved or rejected by somebody, and one that was not decided bears no decision.", "run",
     "SELECT run_id, step || ' is ' || verdict || ', decided by ' || coalesce(CAST(decided_by AS TEXT), 'nobody') FROM "
     "step_checks WHERE (verdict IN ('approved', 'rejected')) <> (decided_by IS NOT NULL) OR (verdict IN ('passed', "
     "'held')) <> (decided_at IS NULL)"},
    {"cancellation_is_done", "A service that a customer cancelled has ended when the wish says so.", "srv",
     "SELECT c.service_id, 'the cancellation is done, the service is ' || s.status FROM cancellations c JOIN services "
     "s "
     "ON s.id = c.service_id WHERE c.status = 'done' AND s.status NOT IN ('cancelled', 'terminated')"},
    {"cancelled_order_starts_nothing", "No service waits for an order that was cancelled.", "srv",
     "SELECT s.id, 'it waits for an order that was cancelled' FROM orders o JOIN services s ON s.account_id = "
     "o.account_id AND s.order_id = o.id WHERE o.status = 'cancelled' AND s.status = 'pending'"},
    {"answer_is_stored", "An idempotency key that is done has its answer.", "",
     "SELECT route || ' ' || key, 'done without an answer' FROM idempotency_keys WHERE state = 'done' AND status IS "
     "NULL"},
    {"account_has_owner", "An account that people act for has an owner among them.", "acc",
     "SELECT account_id, 'none of its ' || CAST(count(*) AS TEXT) || ' members is an owner' FROM memberships GROUP BY "
     "account_id HAVING sum(CASE WHEN role = 'owner' THEN 1 ELSE 0 END) = 0"},
    {"state_has_cause", "A service is in its state because something in the audit trail put it there.", "srv",
     "SELECT s.id, 'it is ' || s.status || ', and the audit trail does not say since when' FROM services s WHERE "
     "s.status <> 'pending' AND NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.account_id = s.account_id AND "
     "e.object = "
     "'srv:' || CAST(s.id AS TEXT) AND e.action = CASE s.status WHEN 'active' THEN 'service.activate' WHEN 'suspended' "
     "THEN 'service.suspend' WHEN 'cancelled' THEN 'service.cancel' ELSE 'service.terminate' END)"},
};

}  // namespace

std::span<const QueryCheck> state_checks() { return checks; }

}  // namespace bursar::verify
