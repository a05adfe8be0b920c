-- What an issued document said when it got its number: see kernel/invoicing/document_digest.hpp. NULL: it has no number, or is
-- older than digests.
ALTER TABLE invoices ADD COLUMN digest TEXT;
ALTER TABLE credit_notes ADD COLUMN digest TEXT;
ALTER TABLE parties ADD COLUMN digest TEXT;
-- 0: taken off before the invoice got its number
ALTER TABLE invoice_lines ADD COLUMN on_document BIGINT NOT NULL DEFAULT 1;
UPDATE invoice_lines SET on_document = 0 WHERE removed_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM invoices i WHERE i.id = invoice_lines.invoice_id AND i.number IS NULL);
