#include "verify/checks.hpp"

namespace bursar::verify {
namespace {

const QueryCheck checks[] = {
    {"entry_balances", "The postings of each journal entry sum to zero in each currency.", "ent",
     "SELECT entry_id, 'its ' || currency || ' postings sum to ' || CAST(sum(amount) AS TEXT) || ', not 0' FROM "
     "postings "
     "GROUP BY entry_id, currency HAVING sum(amount) <> 0"},
    {"posting_has_entry", "Each posting belongs to a journal entry.", "ent",
     "SELECT p.entry_id, 'a posting to ' || p.ledger_account || ' names an entry that is not there' FROM postings p "
     "LEFT JOIN journal_entries e ON e.id = p.entry_id WHERE e.id IS NULL"},
    {"entry_has_postings", "Each journal entry has postings.", "ent",
     "SELECT e.id, 'the entry ' || e.kind || ' has no postings' FROM journal_entries e WHERE NOT EXISTS "
     "(SELECT 1 FROM postings p WHERE p.entry_id = e.id)"},
    {"credit_is_ledger", "The credit of each customer is what the ledger says.", "acc",
     "SELECT account_id, 'credit_balances says ' || CAST(sum(kept) AS TEXT) || ' ' || currency || ', the ledger ' || "
     "CAST(sum(booked) AS TEXT) FROM (SELECT account_id, currency, amount AS kept, 0 AS booked FROM credit_balances "
     "UNION ALL "
     "SELECT account_id, currency, 0, -amount FROM postings WHERE ledger_account = 'customer_credit') both_sides "
     "GROUP BY account_id, currency HAVING sum(kept) <> sum(booked)"},
    // By the instant and not by the entry: several servers give out ids from blocks of their own, in no common order.
    {"credit_never_negative", "No customer's credit was ever negative, after any instant.", "acc",
     "SELECT account_id, 'credit was ' || CAST(min(credit) AS TEXT) || ' ' || currency || ' at ' || min(booked_at) "
     "FROM (SELECT p.account_id, p.currency, e.booked_at, sum(-p.amount) OVER (PARTITION BY p.account_id, p.currency "
     "ORDER BY e.booked_at) AS credit FROM postings p JOIN journal_entries e ON e.id = p.entry_id WHERE "
     "p.ledger_account = 'customer_credit') running WHERE credit < 0 GROUP BY account_id, currency"},
    {"receipt_booked_once", "A gateway transaction is recorded once.", "pay",
     "SELECT min(id), 'the transaction ' || gateway_reference || ' of ' || gateway || ' is recorded ' || CAST(count(*) "
     "AS TEXT) "
     "|| ' times' FROM payments WHERE gateway_reference IS NOT NULL GROUP BY gateway, gateway_reference HAVING "
     "count(*) > 1"},
    {"receipt_is_booked", "Money a gateway took is in the journal, and only that.", "pay",
     "SELECT p.id, 'received ' || CAST(p.received AS TEXT) || ', booked ' || CAST(coalesce(b.amount, 0) AS TEXT) FROM "
     "payments p "
     "LEFT JOIN (SELECT e.source_id, sum(o.amount) AS amount FROM journal_entries e JOIN postings o ON o.entry_id = "
     "e.id "
     "WHERE e.kind = 'payment_received' AND o.amount > 0 GROUP BY e.source_id) b ON b.source_id = p.id "
     "WHERE p.received <> coalesce(b.amount, 0)"},
    {"allocations_within_payment", "A payment is not spent on more than it brought.", "pay",
     "SELECT p.id, 'received ' || CAST(p.received AS TEXT) || ', allocated ' || CAST(sum(a.amount) AS TEXT) FROM "
     "payments p "
     "JOIN allocations a ON a.payment_id = p.id GROUP BY p.id, p.received HAVING sum(a.amount) > p.received"},
    {"refunds_within_payment", "Refunds do not exceed what a payment brought.", "pay",
     "SELECT p.id, 'received ' || CAST(p.received AS TEXT) || ', refunds of ' || CAST(sum(r.amount) AS TEXT) FROM "
     "payments p "
     "JOIN refunds r ON r.payment_id = p.id AND r.status <> 'failed' GROUP BY p.id, p.received HAVING sum(r.amount) > "
     "p.received"},
    {"allocation_has_invoice", "Each allocation names an invoice, and a payment where one is named.", "inv",
     "SELECT a.invoice_id, 'an allocation names an invoice or a payment that is not there' FROM allocations a "
     "LEFT JOIN invoices i ON i.id = a.invoice_id LEFT JOIN payments p ON p.id = a.payment_id "
     "WHERE i.id IS NULL OR (a.payment_id IS NOT NULL AND p.id IS NULL)"},
    {"entry_has_cause", "Each journal entry names what it is about: an invoice, a payment, a credit note.", "ent",
     "SELECT e.id, 'the entry ' || e.kind || ' is about ' || CAST(e.source_id AS TEXT) || ', which is not there' FROM "
     "journal_entries e WHERE "
     "(e.kind IN ('invoice_issued', 'invoice_written_off', 'deposit_credited') AND NOT EXISTS (SELECT 1 FROM invoices "
     "x WHERE x.id = e.source_id)) OR "
     "(e.kind = 'lines_removed' AND NOT EXISTS (SELECT 1 FROM invoice_adjustments x WHERE x.id = e.source_id)) OR "
     "(e.kind = 'credit_note' AND NOT EXISTS (SELECT 1 FROM credit_notes x WHERE x.id = e.source_id)) OR "
     "(e.kind = 'credit_applied' AND NOT EXISTS (SELECT 1 FROM allocations x WHERE x.id = e.source_id)) OR "
     "(e.kind = 'payment_received' AND NOT EXISTS (SELECT 1 FROM payments x WHERE x.id = e.source_id))"},
    {"entry_booked_once", "A business fact is booked once.", "ent",
     "SELECT min(id), kind || ' of ' || CAST(source_id AS TEXT) || ' is booked ' || CAST(count(*) AS TEXT) || ' times' "
     "FROM journal_entries GROUP BY kind, source_id HAVING count(*) > 1"},
    {"allocation_is_booked",
     "What an invoice took of a payment or of credit is what the journal says, and so is what it "
     "gave back to credit.",
     "inv",
     "SELECT a.invoice_id, 'took ' || CAST(a.taken AS TEXT) || ' and gave back ' || CAST(a.given AS TEXT) || ', booked "
     "' "
     "|| CAST(coalesce(p.taken, 0) AS TEXT) || ' and ' || CAST(coalesce(c.given, 0) AS TEXT) FROM "
     "(SELECT entry_id, invoice_id, sum(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS taken, "
     "sum(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS given FROM allocations GROUP BY entry_id, invoice_id) a "
     "LEFT JOIN journal_entries e ON e.id = a.entry_id "
     "LEFT JOIN (SELECT entry_id, invoice_id, sum(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS taken FROM postings "
     "WHERE ledger_account = 'receivable' GROUP BY entry_id, invoice_id) p ON p.entry_id = a.entry_id AND p.invoice_id "
     "= "
     "a.invoice_id LEFT JOIN (SELECT entry_id, sum(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS given FROM "
     "postings "
     "WHERE ledger_account = 'customer_credit' GROUP BY entry_id) c ON c.entry_id = a.entry_id WHERE e.id IS NULL OR "
     "(e.kind IN ('payment_received', 'credit_applied') AND a.taken <> coalesce(p.taken, 0)) OR "
     "(e.kind IN ('credit_note', 'lines_removed') AND a.given <> coalesce(c.given, 0))"},
    {"suspense_is_itemised", "The suspense account is the sum of the money that is open in suspense.", "",
     "SELECT currency, 'booked ' || CAST(sum(booked) AS TEXT) || ' ' || currency || ', items of ' || "
     "CAST(sum(kept) AS TEXT) FROM (SELECT currency, -amount AS booked, 0 AS kept FROM postings WHERE "
     "ledger_account = 'suspense' UNION ALL SELECT currency, 0, amount FROM suspense_items WHERE status = 'open') "
     "both_sides GROUP BY currency HAVING sum(booked) <> sum(kept)"},
    {"allocation_keeps_currency", "A payment pays invoices of its own currency and account.", "pay",
     "SELECT p.id, 'a payment in ' || p.currency || ' went to an invoice in ' || i.currency || ' or of another "
     "account' "
     "FROM allocations a JOIN payments p ON p.id = a.payment_id JOIN invoices i ON i.id = a.invoice_id WHERE "
     "p.currency <> i.currency OR p.account_id <> i.account_id OR a.account_id <> i.account_id"},
    {"refunded_is_refunds", "What a payment says was given back is what its refunds gave back.", "pay",
     "SELECT p.id, 'refunded ' || CAST(p.refunded AS TEXT) || ', refunds that did not fail ' || "
     "CAST(coalesce(r.amount, 0) AS TEXT) FROM payments p LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM "
     "refunds WHERE status <> 'failed' GROUP BY payment_id) r ON r.payment_id = p.id WHERE p.refunded <> "
     "coalesce(r.amount, 0)"},
    {"refund_booked_once", "A gateway's refund is recorded once.", "ref",
     "SELECT min(r.id), 'the refund ' || r.gateway_reference || ' of ' || p.gateway || ' is recorded ' || "
     "CAST(count(*) AS TEXT) || ' times' FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE "
     "r.gateway_reference IS NOT NULL GROUP BY p.gateway, r.gateway_reference HAVING count(*) > 1"},
    {"tax_is_booked", "The tax owed to each place is that of the documents: invoices less credit notes.", "",
     "SELECT place || ' ' || currency, 'documents say ' || CAST(sum(documents) AS TEXT) || ', the ledger ' || "
     "CAST(sum(booked) AS TEXT) FROM ("
     "SELECT i.currency AS currency, 'tax_payable/' || l.tax_place AS place, l.tax AS documents, 0 AS booked FROM "
     "invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.tax <> 0 AND i.status <> 'draft' AND "
     "(l.removed_at IS NULL OR EXISTS (SELECT 1 FROM credit_note_lines c WHERE c.line_id = l.id)) "
     "UNION ALL SELECT n.currency, 'tax_payable/' || l.tax_place, -c.tax, 0 FROM credit_note_lines c JOIN credit_notes "
     "n "
     "ON n.id = c.credit_note_id JOIN invoice_lines l ON l.id = c.line_id WHERE c.tax <> 0 "
     "UNION ALL SELECT currency, ledger_account, 0, -amount FROM postings WHERE ledger_account LIKE 'tax_payable/%') "
     "both_sides GROUP BY place, currency HAVING sum(documents) <> sum(booked)"},
};

}  // namespace

std::span<const QueryCheck> ledger_checks() { return checks; }

}  // namespace bursar::verify
