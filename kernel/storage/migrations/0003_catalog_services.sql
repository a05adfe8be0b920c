CREATE TABLE products (
  id {id},
  code TEXT NOT NULL UNIQUE,            -- "vps-s", for people and configuration
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  product_group TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'retired')),
  panel TEXT NOT NULL DEFAULT '',       -- plugin instance that provisions it; empty: nothing to provision
  panel_options TEXT NOT NULL DEFAULT '{}',
  tax_class TEXT NOT NULL DEFAULT 'standard',
  unit_code TEXT NOT NULL DEFAULT 'C62',  -- UN/ECE recommendation 20
  stock BIGINT,                         -- NULL: unlimited
  created_at TEXT NOT NULL,
  version BIGINT NOT NULL DEFAULT 1
);
-- cycle: "one_time" or a whole number of months as "1m" ... "36m".
CREATE TABLE prices (
  product_id BIGINT NOT NULL REFERENCES products (id),
  currency TEXT NOT NULL,
  cycle TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount >= 0),
  setup_fee BIGINT NOT NULL DEFAULT 0 CHECK (setup_fee >= 0),
  PRIMARY KEY (product_id, currency, cycle)
);
CREATE TABLE promotions (
  id {id},
  code TEXT NOT NULL UNIQUE,            -- upper-cased
  percent BIGINT,                       -- in 1/1'000'000 of a percent, or
  amount BIGINT,                        -- minor units of `currency`, once an order line
  currency TEXT,
  product_id BIGINT,                    -- NULL: every product
  periods BIGINT NOT NULL DEFAULT 1,    -- how many billing periods it lowers; 0: all
  max_uses BIGINT,
  uses BIGINT NOT NULL DEFAULT 0,
  valid_from TEXT,
  valid_until TEXT,                     -- the last civil date
  created_at TEXT NOT NULL,
  CHECK ((percent IS NULL) <> (amount IS NULL)),
  CHECK (max_uses IS NULL OR uses <= max_uses)
);
CREATE TABLE orders (
  id {id},
  account_id BIGINT NOT NULL,
  placed_at TEXT NOT NULL,
  placed_by BIGINT,
  promotion_id BIGINT,
  invoice_id BIGINT,
  status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'cancelled'))
);
CREATE INDEX orders_account ON orders (account_id, id);

CREATE TABLE services (
  id {id},
  account_id BIGINT NOT NULL,
  order_id BIGINT,
  product_id BIGINT NOT NULL,
  label TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'suspended', 'cancelled', 'terminated')),
  suspend_reason TEXT NOT NULL DEFAULT '',
  currency TEXT NOT NULL,
  cycle TEXT NOT NULL,
  price BIGINT NOT NULL CHECK (price >= 0),   -- a period, as agreed, before promotion and tax
  promotion_id BIGINT,
  promotion_periods_left BIGINT,        -- NULL: no end
  started_on TEXT NOT NULL,             -- first period's first day
  anchor_day BIGINT NOT NULL,           -- 1 to 31, the day of month that due dates return to
  anchor_on TEXT NOT NULL,              -- due date k is anchor_on plus k cycles (months), by anchor_day
  periods_invoiced BIGINT NOT NULL DEFAULT 0, -- k of the next period to invoice
  next_due_on TEXT,                     -- first day, and due date, of the next period to invoice; NULL: none (one-time, ended)
  cancel_on TEXT,                       -- a requested end; no period that starts on or after it is invoiced
  panel TEXT NOT NULL DEFAULT '',
  desired_state TEXT NOT NULL DEFAULT 'none' CHECK (desired_state IN ('none', 'active', 'suspended', 'terminated')),
  actual_state TEXT NOT NULL DEFAULT 'none' CHECK (actual_state IN ('none', 'active', 'suspended', 'terminated', 'unknown')),
  state_version BIGINT NOT NULL DEFAULT 0,    -- grows with each change of desired_state
  panel_reference TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  ended_at TEXT,
  version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX services_account ON services (account_id, id);
-- What the invoice step reads: cost follows what is due, not what exists. Groups of one invoice stand side by side in it.
CREATE INDEX services_due ON services (next_due_on, account_id, id) WHERE next_due_on IS NOT NULL;

CREATE TABLE cancellations (
  service_id BIGINT PRIMARY KEY,
  account_id BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('immediate', 'end_of_period')),
  reason TEXT NOT NULL DEFAULT '',
  effective_on TEXT NOT NULL,           -- handled by the first daily run on or after this civil date
  status TEXT NOT NULL CHECK (status IN ('requested', 'done', 'withdrawn')),
  requested_at TEXT NOT NULL,
  requested_by BIGINT,
  adjusted_at TEXT,                     -- when open invoices were adjusted for it
  done_at TEXT
);
CREATE INDEX cancellations_due ON cancellations (effective_on, account_id) WHERE status = 'requested';
CREATE INDEX cancellations_unadjusted ON cancellations (account_id) WHERE status = 'requested' AND adjusted_at IS NULL;
