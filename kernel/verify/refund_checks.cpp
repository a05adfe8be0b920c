#include "verify/checks.hpp"

namespace bursar::verify {
namespace {

const QueryCheck checks[] = {
    {"refunds_and_disputes_within_payment", "Refunds and disputes together do not exceed what a payment brought.",
     "pay",
     "SELECT p.id, 'received ' || CAST(p.received AS TEXT) || ', refunds of ' || CAST(coalesce(r.amount, 0) AS TEXT) "
     "|| "
     "' and disputes of ' || CAST(coalesce(d.amount, 0) AS TEXT) FROM payments p "
     "LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM refunds WHERE status <> 'failed' GROUP BY payment_id) r "
     "ON r.payment_id = p.id "
     "LEFT JOIN (SELECT payment_id, sum(counted) AS amount FROM disputes WHERE status <> 'won' GROUP BY payment_id) d "
     "ON d.payment_id = p.id WHERE coalesce(r.amount, 0) + coalesce(d.amount, 0) > p.received"},
    {"payment_counts_disputes", "What a payment says is disputed is the sum of its disputes that are not won.", "pay",
     "SELECT p.id, 'disputed ' || CAST(p.disputed AS TEXT) || ', disputes of ' || CAST(coalesce(d.amount, 0) AS TEXT) "
     "FROM payments p LEFT JOIN (SELECT payment_id, sum(counted) AS amount FROM disputes WHERE status <> 'won' GROUP "
     "BY "
     "payment_id) d ON d.payment_id = p.id WHERE p.disputed <> coalesce(d.amount, 0)"},
    {"refund_is_booked", "A refund that left us is in the journal once, and one that failed is booked back.", "ref",
     "SELECT r.id, r.status || ' to ' || r.destination || ' of ' || CAST(r.amount AS TEXT) || ', booked ' || "
     "CAST(coalesce(b.amount, 0) AS TEXT) FROM refunds r LEFT JOIN (SELECT e.source_id, sum(o.amount) AS amount FROM "
     "journal_entries e JOIN postings o ON o.entry_id = e.id WHERE e.kind IN ('refund_sent', 'refund_to_credit') AND "
     "o.ledger_account = 'customer_credit' GROUP BY e.source_id) b ON b.source_id = r.id "
     "WHERE coalesce(b.amount, 0) <> CASE WHEN r.destination = 'credit' OR r.status = 'failed' THEN 0 ELSE r.amount "
     "END"},
    {"refund_leaves_its_gateway", "The money of a refund leaves the gateway that it names.", "ref",
     "SELECT r.id, 'by ' || r.gateway || ', booked in ' || o.ledger_account FROM refunds r JOIN journal_entries e ON "
     "e.source_id = r.id AND e.kind IN ('refund_sent', 'refund_to_credit') JOIN postings o ON o.entry_id = e.id WHERE "
     "o.ledger_account LIKE 'clearing/%' AND o.ledger_account <> 'clearing/' || r.gateway"},
    {"pending_refund_is_pursued", "A refund without a final word has an effect that asks for it.", "ref",
     "SELECT r.id, 'status ' || r.status || ' and no open effect' FROM refunds r WHERE r.status IN ('pending', "
     "'unknown') "
     "AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.object_id = r.id AND e.kind = 'refund' AND e.state NOT IN "
     "('done', "
     "'failed'))"},
    {"approved_request_has_its_refund", "An approved request has one refund of its payment; no other has any.", "rfr",
     "SELECT q.id, 'status ' || q.status || ', refund ' || coalesce(CAST(q.refund_id AS TEXT), 'none') FROM "
     "refund_requests q LEFT JOIN refunds r ON r.id = q.refund_id AND r.payment_id = q.payment_id AND r.request_id = "
     "q.id WHERE (q.status = 'approved') <> (r.id IS NOT NULL)"},
    {"open_request_has_a_task", "Somebody is asked to decide on each open request.", "rfr",
     "SELECT q.id, 'nobody is asked to decide on it' FROM refund_requests q WHERE q.status = 'requested' AND NOT "
     "EXISTS "
     "(SELECT 1 FROM staff_tasks t WHERE t.kind = 'refund_request' AND t.object_id = q.id AND t.status = 'open')"},
    {"verdict_follows_conditions", "The verdict on a request is what its conditions say.", "rfr",
     "SELECT q.id, 'eligible ' || CAST(q.eligible AS TEXT) || ', credit only ' || CAST(q.credit_only AS TEXT) FROM "
     "refund_requests q WHERE (q.eligible = 0) <> EXISTS (SELECT 1 FROM refund_request_conditions c WHERE c.request_id "
     "= "
     "q.id AND c.verdict = 'fails') OR (q.credit_only = 1) <> EXISTS (SELECT 1 FROM refund_request_conditions c WHERE "
     "c.request_id = q.id AND c.verdict = 'credit_only')"},
    {"disputed_money_is_booked", "What disputes hold is what the ledger says is disputed, gateway by gateway.", "",
     "SELECT gateway || ' ' || currency, 'undecided disputes hold ' || CAST(sum(held) AS TEXT) || ', the ledger ' || "
     "CAST(sum(booked) AS TEXT) FROM (SELECT 'disputed/' || gateway AS gateway, currency, amount - held AS held, 0 AS "
     "booked FROM disputes WHERE status = 'opened' UNION ALL SELECT ledger_account, currency, 0, amount FROM postings "
     "WHERE ledger_account LIKE 'disputed/%') both_sides GROUP BY gateway, currency HAVING sum(held) <> sum(booked)"},
    {"decided_dispute_is_booked", "A dispute that is decided has its journal entry.", "dsp",
     "SELECT d.id, 'it is ' || d.status || ' and no entry says so' FROM disputes d WHERE d.status <> 'opened' AND "
     "d.held < d.amount AND NOT EXISTS (SELECT 1 FROM journal_entries e WHERE e.source_id = d.id AND e.kind = "
     "'dispute_' || d.status)"},
};

}  // namespace

std::span<const QueryCheck> refund_checks() { return checks; }

}  // namespace bursar::verify
