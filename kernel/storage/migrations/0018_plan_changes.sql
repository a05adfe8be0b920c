-- Changes that wait for the end of the period, of the billing cycle as well, and such that give credit. The table is made
-- anew, as SQLite can't give a column another CHECK.
CREATE TABLE plan_changes (
  id {id},
  service_id BIGINT NOT NULL,
  sequence BIGINT NOT NULL,             -- 1, 2, 3, ... of the service: ids of several servers are in no order
  account_id BIGINT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('awaiting_payment', 'scheduled', 'applied', 'withdrawn')),
  takes_effect TEXT NOT NULL CHECK (takes_effect IN ('immediate', 'end_of_period')),
  currency TEXT NOT NULL,
  from_product_id BIGINT NOT NULL,
  from_cycle TEXT NOT NULL,
  from_price BIGINT NOT NULL CHECK (from_price >= 0),
  to_product_id BIGINT NOT NULL,
  to_cycle TEXT NOT NULL,
  to_price BIGINT NOT NULL CHECK (to_price >= 0),
  to_discount BIGINT NOT NULL DEFAULT 0 CHECK (to_discount >= 0),  -- off to_price in the period that it is prorated in
  rounding BIGINT NOT NULL DEFAULT 0 CHECK (rounding >= 0),  -- what rounding took too much of the period until now, in a
                                        -- minor unit's shares by the days of the period; the next change in it gives it back
  derivation TEXT NOT NULL DEFAULT '',  -- how what it costs or gives came to be
  effective_on TEXT NOT NULL,           -- first day on the new terms
  period_end TEXT NOT NULL,             -- first day after the period that it is prorated in, or that it waits for
  next_period_on TEXT NOT NULL,         -- first day of the periods whose lines at the old terms are taken back
  base_invoice_id BIGINT,               -- billed the period that it is prorated in
  invoice_id BIGINT,                    -- to be paid before it is applied; NULL: nothing to pay
  credit BIGINT NOT NULL DEFAULT 0 CHECK (credit >= 0),  -- account credit given for the days left, with tax
  look_on TEXT,                         -- the daily run looks at it from this day on; NULL: nothing is left to do
  billed_at TEXT,                       -- scheduled: since when the service is billed by the new terms
  plan_state TEXT NOT NULL DEFAULT 'none' CHECK (plan_state IN ('none', 'wanted', 'done')),  -- at the panel
  requested_at TEXT NOT NULL,
  requested_by BIGINT,
  settled_at TEXT                       -- applied or withdrawn
);
INSERT INTO plan_changes (id, service_id, sequence, account_id, status, takes_effect, currency, from_product_id, from_cycle,
  from_price, to_product_id, to_cycle, to_price, to_discount, effective_on, period_end, next_period_on, base_invoice_id,
  invoice_id, look_on, plan_state, requested_at, requested_by, settled_at)
SELECT id, service_id, sequence, account_id, status, 'immediate', currency, from_product_id, from_cycle, from_price,
  to_product_id, to_cycle, to_price, to_discount, effective_on, period_end, next_period_on, base_invoice_id, invoice_id,
  look_on, plan_state, requested_at, requested_by, settled_at
FROM service_changes;
DROP TABLE service_changes;
ALTER TABLE plan_changes RENAME TO service_changes;
CREATE UNIQUE INDEX service_changes_pending ON service_changes (service_id)
  WHERE status IN ('awaiting_payment', 'scheduled');
CREATE UNIQUE INDEX service_changes_invoice ON service_changes (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE UNIQUE INDEX service_changes_sequence ON service_changes (service_id, sequence);
CREATE INDEX service_changes_look ON service_changes (account_id, look_on) WHERE look_on IS NOT NULL;
