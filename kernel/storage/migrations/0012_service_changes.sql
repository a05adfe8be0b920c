-- Another product for a running service. One that costs something waits for its invoice; what paid that
-- applies it, once. The daily run withdraws it when it stays unpaid.
CREATE TABLE service_changes (
  id {id},
  service_id BIGINT NOT NULL,
  sequence BIGINT NOT NULL,             -- 1, 2, 3, ... of the service: ids of several servers are in no order
  account_id BIGINT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('awaiting_payment', 'applied', 'withdrawn')),
  currency TEXT NOT NULL,
  from_product_id BIGINT NOT NULL,
  from_cycle TEXT NOT NULL,
  from_price BIGINT NOT NULL CHECK (from_price >= 0),
  to_product_id BIGINT NOT NULL,
  to_cycle TEXT NOT NULL,
  to_price BIGINT NOT NULL CHECK (to_price >= 0),
  to_discount BIGINT NOT NULL DEFAULT 0 CHECK (to_discount >= 0),  -- off to_price in the period that it is prorated in
  effective_on TEXT NOT NULL,           -- first day on the new terms
  period_end TEXT NOT NULL,             -- first day after the period that it is prorated in
  next_period_on TEXT NOT NULL,         -- first day of the periods whose lines at the old terms are taken back
  base_invoice_id BIGINT,               -- billed the period that it is prorated in
  invoice_id BIGINT,                    -- to be paid before it is applied; NULL: nothing to pay
  look_on TEXT,                         -- the daily run looks at it from this day on; NULL: nothing is left to do
  plan_state TEXT NOT NULL DEFAULT 'none' CHECK (plan_state IN ('none', 'wanted', 'done')),  -- at the panel
  requested_at TEXT NOT NULL,
  requested_by BIGINT,
  settled_at TEXT                       -- applied or withdrawn
);
CREATE UNIQUE INDEX service_changes_pending ON service_changes (service_id)
  WHERE status = 'awaiting_payment';
CREATE UNIQUE INDEX service_changes_invoice ON service_changes (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE UNIQUE INDEX service_changes_sequence ON service_changes (service_id, sequence);
CREATE INDEX service_changes_look ON service_changes (account_id, look_on) WHERE look_on IS NOT NULL;
ALTER TABLE credit_notes ADD COLUMN service_change_id BIGINT;        -- given for the days left at a change
ALTER TABLE invoice_lines ADD COLUMN derivation TEXT NOT NULL DEFAULT '';  -- how a prorated price came to be
