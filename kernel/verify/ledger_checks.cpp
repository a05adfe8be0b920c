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
    {"credit_never_negative", "No customer's credit was ever negative, after any entry.", "acc",
     "SELECT account_id, 'credit was ' || CAST(min(credit) AS TEXT) || ' ' || currency || ' after an entry' FROM "
     "(SELECT account_id, currency, sum(-amount) OVER (PARTITION BY account_id, currency ORDER BY entry_id) AS credit "
     "FROM postings WHERE ledger_account = 'customer_credit') running WHERE credit < 0 GROUP BY account_id, currency"},
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
};

}  // namespace

std::span<const QueryCheck> ledger_checks() { return checks; }

}  // namespace bursar::verify
