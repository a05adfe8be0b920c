-- The write-ahead record of every act outside the database: recorded before it is tried, with the key the other side gets.
CREATE TABLE effects (
  id {id},
  kind TEXT NOT NULL,                   -- charge, refund, provision, message
  key TEXT NOT NULL UNIQUE,             -- the idempotency key, natural: "charge:<payment>:<attempt>"
  instance TEXT NOT NULL,               -- plugin instance
  account_id BIGINT NOT NULL,
  object_id BIGINT NOT NULL,            -- the payment, service or message
  state TEXT NOT NULL CHECK (state IN ('recorded', 'in_flight', 'unknown', 'waiting', 'done', 'failed', 'parked')),
  attempts BIGINT NOT NULL DEFAULT 0,
  next_at TEXT,                         -- when a worker shall look at it; NULL: never again
  lease_until TEXT,                     -- in_flight: after this the worker is taken for dead and the outcome for unknown
  worker TEXT,
  outcome TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  finished_at TEXT
);
-- What is due, plugin instance by plugin instance, so that a long queue of one does not hide the others.
CREATE INDEX effects_next ON effects (kind, instance, next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX effects_in_flight ON effects (kind, instance) WHERE state = 'in_flight';
CREATE INDEX effects_parked ON effects (id) WHERE state = 'parked';
CREATE INDEX effects_object ON effects (object_id);

CREATE TABLE payment_methods (
  id {id},
  account_id BIGINT NOT NULL,
  gateway TEXT NOT NULL,                -- plugin instance
  token TEXT NOT NULL,                  -- the gateway's, never a card number
  label TEXT NOT NULL,
  expires_on TEXT,
  position BIGINT NOT NULL,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'removed')),
  created_at TEXT NOT NULL,
  version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX payment_methods_account ON payment_methods (account_id, position);

CREATE TABLE payments (
  id {id},
  account_id BIGINT NOT NULL,
  gateway TEXT NOT NULL,
  method_id BIGINT,
  invoice_id BIGINT,                    -- what it was made for; where the money went is in payment_allocations
  origin TEXT NOT NULL CHECK (origin IN ('customer', 'autopay', 'staff')),
  status TEXT NOT NULL CHECK (status IN ('pending', 'requires_action', 'succeeded', 'failed', 'unknown', 'refunded', 'partially_refunded')),
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),   -- asked
  received BIGINT NOT NULL DEFAULT 0,   -- what the gateway says it took
  fee BIGINT NOT NULL DEFAULT 0,
  refunded BIGINT NOT NULL DEFAULT 0 CHECK (refunded >= 0 AND refunded <= received),
  gateway_reference TEXT,
  next_action TEXT NOT NULL DEFAULT '', -- JSON for the customer
  decline_code TEXT NOT NULL DEFAULT '',
  decline_text TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  settled_at TEXT,
  expires_at TEXT,
  version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX payments_account ON payments (account_id, id);
CREATE INDEX payments_invoice ON payments (invoice_id) WHERE invoice_id IS NOT NULL;
-- Each gateway transaction is money once.
CREATE UNIQUE INDEX payments_reference ON payments (gateway, gateway_reference) WHERE gateway_reference IS NOT NULL;

-- Where money went: from a payment (payment_id) or from account credit (payment_id NULL) to an invoice.
-- A surplus of a payment has no row: it is received - sum(allocations), booked as customer credit.
CREATE TABLE allocations (
  id {id},
  account_id BIGINT NOT NULL,
  payment_id BIGINT,
  invoice_id BIGINT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount <> 0),  -- negative: taken back to credit (void, credit note)
  entry_id BIGINT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX allocations_invoice ON allocations (invoice_id);
CREATE INDEX allocations_payment ON allocations (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX allocations_account ON allocations (account_id, id);

CREATE TABLE refunds (
  id {id},
  account_id BIGINT NOT NULL,
  payment_id BIGINT NOT NULL,
  destination TEXT NOT NULL CHECK (destination IN ('gateway', 'credit', 'external')),
  status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'unknown')),
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  gateway_reference TEXT,
  reason TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  settled_at TEXT
);
CREATE INDEX refunds_payment ON refunds (payment_id);

-- Work for people: a bank transfer to confirm, a server to set up by hand.
CREATE TABLE staff_tasks (
  id {id},
  kind TEXT NOT NULL,                   -- confirm_payment, provision
  account_id BIGINT NOT NULL,
  object_id BIGINT NOT NULL,
  title TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'dismissed')),
  created_at TEXT NOT NULL,
  closed_at TEXT,
  closed_by BIGINT
);
CREATE UNIQUE INDEX staff_tasks_object ON staff_tasks (kind, object_id) WHERE status = 'open';
