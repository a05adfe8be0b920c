#include "verify/checks.hpp"

namespace bursar::verify {
namespace {

const QueryCheck checks[] = {
    {"invoice_balance_is_receivable", "What an invoice says is owed is what its receivable says.", "inv",
     "SELECT i.id, 'balance ' || CAST(i.balance AS TEXT) || ', receivable ' || CAST(coalesce(p.amount, 0) AS TEXT) "
     "FROM invoices i "
     "LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM postings WHERE invoice_id IS NOT NULL AND "
     "ledger_account = 'receivable' GROUP BY invoice_id) p ON p.invoice_id = i.id WHERE i.balance <> "
     "coalesce(p.amount, 0)"},
    {"invoice_balance_adds_up", "Balance is lines and tax less payments, credits, credit notes and write-offs.", "inv",
     "SELECT i.id, 'total ' || CAST(i.total AS TEXT) || ' less allocations ' || CAST(coalesce(a.amount, 0) AS TEXT) || "
     "', credit notes ' || CAST(coalesce(n.amount, 0) AS TEXT) || ' and write-off ' || CAST(coalesce(w.amount, 0) AS "
     "TEXT) || "
     "' is not the balance ' || CAST(i.balance AS TEXT) FROM invoices i "
     "LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM allocations GROUP BY invoice_id) a ON a.invoice_id = "
     "i.id "
     "LEFT JOIN (SELECT invoice_id, sum(total) AS amount FROM credit_notes GROUP BY invoice_id) n ON n.invoice_id = "
     "i.id "
     "LEFT JOIN (SELECT p.invoice_id, -sum(p.amount) AS amount FROM journal_entries e JOIN postings p ON p.entry_id = "
     "e.id "
     "WHERE e.kind IN ('invoice_written_off', 'invoice_voided') AND p.ledger_account = 'receivable' GROUP BY "
     "p.invoice_id) w "
     "ON w.invoice_id = i.id WHERE i.status <> 'draft' AND i.balance <> i.total - coalesce(a.amount, 0) - "
     "coalesce(n.amount, 0) "
     "- coalesce(w.amount, 0)"},
    {"invoice_lines_add_up", "An invoice's net and tax are those of its lines.", "inv",
     "SELECT i.id, 'net and tax are ' || CAST(i.net AS TEXT) || ' and ' || CAST(i.tax AS TEXT) || ', of the lines ' || "
     "CAST(coalesce(l.net, 0) AS TEXT) || ' and ' || CAST(coalesce(l.tax, 0) AS TEXT) FROM invoices i LEFT JOIN "
     "(SELECT l.invoice_id, sum(l.net) AS net, sum(l.tax) AS tax FROM invoice_lines l JOIN invoices j ON j.id = "
     "l.invoice_id "
     "WHERE l.removed_at IS NULL OR (j.number IS NOT NULL AND EXISTS (SELECT 1 FROM credit_note_lines c WHERE "
     "c.line_id = l.id)) GROUP BY l.invoice_id) l ON l.invoice_id = i.id "
     "WHERE i.status <> 'void' AND (i.net <> coalesce(l.net, 0) OR i.tax <> coalesce(l.tax, 0))"},
    {"line_has_invoice", "Each line belongs to an invoice of the same account.", "lin",
     "SELECT l.id, 'its invoice is not there, or another account''s' FROM invoice_lines l LEFT JOIN invoices i "
     "ON i.id = l.invoice_id AND i.account_id = l.account_id WHERE i.id IS NULL"},
    {"invoice_is_booked", "Each invoice over more than nothing has its journal entry.", "inv",
     "SELECT i.id, 'no entry invoice_issued' FROM invoices i LEFT JOIN journal_entries e ON e.source_id = i.id AND "
     "e.kind = 'invoice_issued' WHERE i.status <> 'draft' AND i.total <> 0 AND e.id IS NULL"},
    {"status_fits_balance", "Open means owed; paid, void, refunded and uncollectible mean nothing owed.", "inv",
     "SELECT id, 'status ' || status || ' with a balance of ' || CAST(balance AS TEXT) FROM invoices WHERE "
     "(status = 'open' AND balance <= 0) OR (status NOT IN ('open', 'draft') AND balance <> 0)"},
    {"only_open_is_collected", "Only an open invoice is dunned or charged.", "inv",
     "SELECT id, 'status ' || status || ' with a dunning or autopay date' FROM invoices WHERE status <> 'open' AND "
     "(dunning_action IS NOT NULL OR autopay_on IS NOT NULL)"},
    {"one_line_a_period", "A service is billed once for a period.", "srv",
     "SELECT service_id, CAST(count(*) AS TEXT) || ' lines for the period from ' || period_start FROM invoice_lines "
     "WHERE "
     "service_id IS NOT NULL AND kind = 'recurring' AND removed_at IS NULL GROUP BY service_id, period_start HAVING "
     "count(*) > 1"},
    {"periods_abut", "The billed periods of a service follow one another without a gap or an overlap.", "srv",
     "SELECT service_id, 'a period from ' || period_start || ' follows one that ends on ' || before FROM (SELECT "
     "service_id, "
     "period_start, lag(period_end) OVER (PARTITION BY service_id ORDER BY period_start) AS before FROM invoice_lines "
     "WHERE "
     "service_id IS NOT NULL AND kind = 'recurring' AND removed_at IS NULL AND period_end IS NOT NULL) p "
     "WHERE before IS NOT NULL AND before <> period_start AND (before > period_start OR NOT EXISTS (SELECT 1 FROM "
     "invoice_lines r WHERE r.service_id = p.service_id AND r.period_start = before AND r.kind = 'recurring')) AND NOT "
     "EXISTS (SELECT 1 FROM service_changes ch WHERE ch.service_id = p.service_id AND ch.status = 'applied' AND "
     "ch.takes_effect = 'immediate' AND ch.from_cycle <> ch.to_cycle AND period_start = CASE WHEN before < "
     "period_start "
     "THEN ch.period_end ELSE ch.effective_on END)"},
    {"invoice_numbers_gap_free", "The numbers of each series run from 1 without a gap.", "",
     "SELECT series, 'holds ' || CAST(count(*) AS TEXT) || ' invoices, numbered ' || CAST(min(sequence) AS TEXT) || ' "
     "to ' || "
     "CAST(max(sequence) AS TEXT) FROM invoices WHERE series IS NOT NULL GROUP BY series "
     "HAVING min(sequence) <> 1 OR max(sequence) <> count(*)"},
    {"credit_note_numbers_gap_free", "So do those of the credit notes.", "",
     "SELECT series, 'holds ' || CAST(count(*) AS TEXT) || ' credit notes, numbered ' || CAST(min(sequence) AS TEXT) "
     "|| ' to ' || "
     "CAST(max(sequence) AS TEXT) FROM credit_notes GROUP BY series HAVING min(sequence) <> 1 OR max(sequence) <> "
     "count(*)"},
    {"series_is_counted", "The next number of a series follows its last.", "",
     "SELECT n.series, 'next is ' || CAST(n.next AS TEXT) || ', last is ' || CAST(coalesce(u.last, 0) AS TEXT) FROM "
     "number_series n "
     "LEFT JOIN (SELECT series, max(sequence) AS last FROM (SELECT series, sequence FROM invoices WHERE series IS NOT "
     "NULL UNION ALL "
     "SELECT series, sequence FROM credit_notes) numbered GROUP BY series) u ON u.series = n.series "
     "WHERE n.next <> coalesce(u.last, 0) + 1"},
    {"numbers_follow_dates", "A later number is not dated before an earlier one.", "inv",
     "SELECT id, number || ' is dated ' || issued_on || ', the one before it ' || before FROM (SELECT id, number, "
     "issued_on, "
     "lag(issued_on) OVER (PARTITION BY series ORDER BY sequence) AS before FROM invoices WHERE series IS NOT NULL) s "
     "WHERE before > issued_on"},
    {"credit_note_adds_up", "A credit note is the sum of its lines, and never more than its invoice.", "crn",
     "SELECT n.id, 'total ' || CAST(n.total AS TEXT) || ', lines ' || CAST(coalesce(sum(l.net + l.tax), 0) AS TEXT) "
     "FROM "
     "credit_notes n LEFT JOIN credit_note_lines l ON l.credit_note_id = n.id GROUP BY n.id, n.total "
     "HAVING n.total <> coalesce(sum(l.net + l.tax), 0)"},
    {"credit_notes_within_invoice", "The credit notes of an invoice do not exceed it.", "inv",
     "SELECT i.id, 'total ' || CAST(i.total AS TEXT) || ', credited ' || CAST(sum(n.total) AS TEXT) FROM invoices i "
     "JOIN "
     "credit_notes n ON n.invoice_id = i.id GROUP BY i.id, i.total HAVING sum(n.total) > i.total"},
    {"document_has_digest", "Each numbered document after the first with a digest has one.", "",
     "SELECT d.number, 'no digest, and one before it in its series has' FROM (SELECT series, sequence, number, digest "
     "FROM invoices WHERE series IS NOT NULL UNION ALL SELECT series, sequence, number, digest FROM credit_notes) d "
     "JOIN (SELECT series, min(sequence) AS first FROM invoices WHERE digest IS NOT NULL GROUP BY series UNION ALL "
     "SELECT series, min(sequence) FROM credit_notes WHERE digest IS NOT NULL GROUP BY series) f ON f.series = "
     "d.series "
     "WHERE d.digest IS NULL AND d.sequence > f.first"},
    {"one_late_fee", "An overdue invoice has one late fee at most.", "inv",
     "SELECT late_fee_of, CAST(count(*) AS TEXT) || ' late fees' FROM invoices WHERE late_fee_of IS NOT NULL GROUP BY "
     "late_fee_of "
     "HAVING count(*) > 1"},
    {"credit_note_numbers_follow_dates", "A later credit note is not dated before an earlier one.", "crn",
     "SELECT id, number || ' is dated ' || issued_on || ', the one before it ' || before FROM (SELECT id, number, "
     "issued_on, lag(issued_on) OVER (PARTITION BY series ORDER BY sequence) AS before FROM credit_notes) s WHERE "
     "before > issued_on"},
    {"credit_note_within_line",
     "No line is credited beyond what it charged, and what counts as taken back is credited "
     "in whole.",
     "lin",
     "SELECT l.id, 'charged ' || CAST(l.net + l.tax AS TEXT) || ', credited ' || CAST(c.gross AS TEXT) FROM "
     "invoice_lines l JOIN (SELECT line_id, sum(net + tax) AS gross FROM credit_note_lines GROUP BY line_id) c ON "
     "c.line_id = l.id WHERE (l.net + l.tax >= 0 AND (c.gross < 0 OR c.gross > l.net + l.tax)) OR "
     "(l.net + l.tax < 0 AND (c.gross > 0 OR c.gross < l.net + l.tax)) OR "
     "(l.removed_at IS NOT NULL AND c.gross <> l.net + l.tax)"},
    {"paid_is_legal", "What is paid has a number and a day of payment.", "inv",
     "SELECT id, 'paid without a number or a day' FROM invoices WHERE status = 'paid' AND (number IS NULL OR paid_at "
     "IS "
     "NULL)"},
    {"billed_until_due_date", "The billed periods of a service reach its next due date.", "srv",
     "SELECT s.id, 'next due ' || s.next_due_on || ', and no period was billed until then' FROM services s LEFT JOIN "
     "(SELECT DISTINCT service_id, period_end FROM invoice_lines WHERE kind = 'recurring') l ON l.service_id = s.id "
     "AND l.period_end = s.next_due_on WHERE s.next_due_on IS NOT NULL AND s.periods_invoiced > 0 AND l.service_id IS "
     "NULL AND NOT EXISTS (SELECT 1 FROM service_changes c WHERE c.service_id = s.id AND c.status = 'applied' AND "
     "c.takes_effect = 'immediate' AND c.from_cycle <> c.to_cycle AND c.period_end = s.next_due_on)"},
    {"names_what_is_there", "Invoices, services and orders name accounts, parties, products and services that exist.",
     "acc",
     "SELECT i.account_id, 'an invoice names an account or a party that is not there' FROM invoices i WHERE NOT EXISTS "
     "(SELECT 1 FROM accounts a WHERE a.id = i.account_id) OR NOT EXISTS (SELECT 1 FROM parties p WHERE p.id = "
     "i.seller_party_id AND p.account_id IS NULL) OR NOT EXISTS (SELECT 1 FROM parties p WHERE p.id = i.buyer_party_id "
     "AND "
     "p.account_id = i.account_id) "
     "UNION ALL SELECT s.account_id, 'a service names an account or a product that is not there' FROM services s WHERE "
     "NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = s.account_id) OR NOT EXISTS (SELECT 1 FROM products p WHERE "
     "p.id = "
     "s.product_id) "
     "UNION ALL SELECT l.account_id, 'a line names a service that is not there' FROM invoice_lines l WHERE "
     "l.service_id "
     "IS NOT NULL AND NOT EXISTS (SELECT 1 FROM services s WHERE s.id = l.service_id) "
     "UNION ALL SELECT o.account_id, 'an order names an invoice that is not there' FROM orders o WHERE o.invoice_id IS "
     "NOT NULL AND NOT EXISTS (SELECT 1 FROM invoices i WHERE i.id = o.invoice_id)"},
};

}  // namespace

std::span<const QueryCheck> invoice_checks() { return checks; }

}  // namespace bursar::verify
