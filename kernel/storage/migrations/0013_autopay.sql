-- What auto-pay has done about an invoice, method by method, and why.
CREATE TABLE autopay_attempts (
  invoice_id BIGINT NOT NULL,
  sequence BIGINT NOT NULL,             -- 1, 2, 3, ... of the invoice: ids of several servers are in no order
  account_id BIGINT NOT NULL,
  round BIGINT NOT NULL,                -- one pass over the account's methods; the schedule begins the next
  method_id BIGINT,                     -- NULL: none was saved
  payment_id BIGINT,                    -- the charge; NULL: passed over
  outcome TEXT NOT NULL CHECK (outcome IN ('passed_over', 'charged', 'declined_soft', 'declined_final', 'withdrawn')),
  reason TEXT NOT NULL,                 -- of passing over, of choosing or of taking back
  retry_on TEXT,                        -- of the last of a round that failed: the day of the next round
  created_at TEXT NOT NULL,
  PRIMARY KEY (invoice_id, sequence),
  CHECK ((outcome = 'passed_over') = (payment_id IS NULL))
);
CREATE UNIQUE INDEX autopay_attempts_payment ON autopay_attempts (payment_id) WHERE payment_id IS NOT NULL;
-- The charges of before, each a round of its own. Whether a decline was final was not stored.
INSERT INTO autopay_attempts (invoice_id, sequence, account_id, round, method_id, payment_id, outcome, reason, created_at)
SELECT invoice_id, row_number() OVER (PARTITION BY invoice_id ORDER BY created_at, id), account_id,
  row_number() OVER (PARTITION BY invoice_id ORDER BY created_at, id), method_id, id,
  CASE WHEN status <> 'failed' THEN 'charged' WHEN decline_code IN ('autopay_off', 'invoice_changed', 'invoice_held') THEN 'withdrawn'
  ELSE 'declined_soft' END, 'first_usable', created_at
FROM payments WHERE origin = 'autopay';

-- The customer was told that the method expires, on this day.
ALTER TABLE payment_methods ADD COLUMN expiry_told_on TEXT;
CREATE INDEX payment_methods_expiring ON payment_methods (expires_on, id)
  WHERE status = 'active' AND expires_on IS NOT NULL AND expiry_told_on IS NULL;
