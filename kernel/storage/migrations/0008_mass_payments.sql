-- One payment over several invoices. The invoices stay as they are; this row only says which of them the customer means
-- to pay together, so that its total is always what is still owed on them.
CREATE TABLE mass_payments (
  id {id},
  account_id BIGINT NOT NULL,
  currency TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'completed', 'cancelled', 'expired')),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  closed_at TEXT,
  version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX mass_payments_account ON mass_payments (account_id, id);
CREATE INDEX mass_payments_open ON mass_payments (expires_at) WHERE status = 'open';
CREATE TABLE mass_payment_items (
  mass_payment_id BIGINT NOT NULL,
  position BIGINT NOT NULL,             -- the order in which money goes to them
  invoice_id BIGINT NOT NULL,
  amount BIGINT CHECK (amount > 0),     -- at most so much of it; NULL: all that is owed
  PRIMARY KEY (mass_payment_id, position)
);
ALTER TABLE payments ADD COLUMN mass_payment_id BIGINT;
CREATE INDEX payments_mass_payment ON payments (mass_payment_id) WHERE mass_payment_id IS NOT NULL;
-- What a payment without an invoice of its own was asked for, as it stood when the payment was recorded.
CREATE TABLE payment_targets (
  payment_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  invoice_id BIGINT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  PRIMARY KEY (payment_id, position)
);
CREATE INDEX payment_targets_invoice ON payment_targets (invoice_id);
