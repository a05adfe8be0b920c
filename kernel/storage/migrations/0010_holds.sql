-- For a while nothing is collected: of one invoice, of every invoice that bills one service, or (both NULL) of all of an
-- account's. It stands until the daily run ends it, so that no step comes in between.
CREATE TABLE holds (
  id {id},
  account_id BIGINT NOT NULL,
  invoice_id BIGINT,
  service_id BIGINT,
  origin TEXT NOT NULL CHECK (origin IN ('staff', 'customer')),
  reason TEXT NOT NULL,
  starts_on TEXT NOT NULL,              -- civil dates in the provider's zone
  until_on TEXT NOT NULL,               -- ends with the first daily run of this day or later
  created_at TEXT NOT NULL,
  created_by BIGINT,
  ended_at TEXT,                        -- NULL: it stands
  ended_by TEXT CHECK (ended_by IN ('expiry', 'staff', 'customer')),
  CHECK (invoice_id IS NULL OR service_id IS NULL),
  CHECK (until_on > starts_on),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX holds_account ON holds (account_id, id);
CREATE INDEX holds_due ON holds (account_id, id, until_on) WHERE ended_at IS NULL;
-- An object is held once at a time, and a customer holds one object at a time.
CREATE UNIQUE INDEX holds_object ON holds (account_id, coalesce(invoice_id, 0), coalesce(service_id, 0)) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX holds_customer ON holds (account_id) WHERE ended_at IS NULL AND origin = 'customer';

-- The open invoices that are on hold: what steps leave out.
CREATE VIEW held_invoices AS
  SELECT i.id AS invoice_id, h.id AS hold_id, h.until_on
  FROM invoices i JOIN holds h ON h.account_id = i.account_id
  WHERE h.ended_at IS NULL AND i.status = 'open'
    AND ((h.invoice_id IS NULL AND h.service_id IS NULL) OR h.invoice_id = i.id
      OR EXISTS (SELECT 1 FROM invoice_lines l WHERE l.invoice_id = i.id AND l.service_id = h.service_id AND l.removed_at IS NULL));
