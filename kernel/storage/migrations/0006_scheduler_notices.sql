CREATE TABLE scheduler_jobs (
  name TEXT PRIMARY KEY,
  -- Every scheduled instant up to and including this one has a row in scheduler_runs or lies before the job's first day.
  considered_until TEXT NOT NULL
);
CREATE TABLE scheduler_runs (
  id {id},
  job TEXT NOT NULL,
  scheduled_at TEXT NOT NULL,
  logical_date TEXT NOT NULL,           -- civil date of scheduled_at in the job's zone
  status TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed', 'skipped')),
  catch_up BIGINT NOT NULL DEFAULT 0,   -- a later instant was already due when this one was planned
  step TEXT NOT NULL DEFAULT '',        -- the step under way
  owner TEXT,
  fence BIGINT NOT NULL DEFAULT 0,      -- grows with each new owner; checked in every chunk's transaction
  lease_until TEXT,                     -- of a failed run: when it is tried again; NULL: never
  started_at TEXT,
  finished_at TEXT,
  error TEXT NOT NULL DEFAULT '',
  UNIQUE (job, scheduled_at)
);
CREATE INDEX scheduler_runs_open ON scheduler_runs (scheduled_at) WHERE status IN ('waiting', 'running', 'failed');
CREATE TABLE scheduler_steps (
  run_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  step TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'done')),
  cursor TEXT NOT NULL DEFAULT '',      -- opaque; where the next chunk begins
  counts TEXT NOT NULL DEFAULT '{}',    -- JSON {"invoices": 12, ...}
  chunks BIGINT NOT NULL DEFAULT 0,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  PRIMARY KEY (run_id, step)
);
-- An account a step could not handle: left out with its reason, tried again by the next run.
CREATE TABLE parked_accounts (
  run_id BIGINT NOT NULL,
  step TEXT NOT NULL,
  account_id BIGINT NOT NULL,
  reason TEXT NOT NULL,
  parked_at TEXT NOT NULL,
  PRIMARY KEY (run_id, step, account_id)
);
CREATE INDEX parked_accounts_account ON parked_accounts (account_id);

-- Invoices [first, last] of a chunk whose mails are still to be written: one row a chunk, spread later by a worker.
CREATE TABLE notice_spans (
  id {id},
  template TEXT NOT NULL,
  first_id BIGINT NOT NULL,
  last_id BIGINT NOT NULL,
  created_at TEXT NOT NULL
);
-- One message per cause, recipient and channel.
CREATE TABLE messages (
  id {id},
  cause TEXT NOT NULL,                  -- "invoice_created:<id>", "reminder:<id>:3"
  account_id BIGINT NOT NULL,
  channel TEXT NOT NULL,                -- plugin instance
  recipient TEXT NOT NULL,
  template TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('waiting', 'sent', 'failed', 'unknown')),
  created_at TEXT NOT NULL,
  sent_at TEXT,
  UNIQUE (cause, recipient, channel)
);
CREATE INDEX messages_account ON messages (account_id, id);

-- The plugin host's key/value service, by instance.
CREATE TABLE plugin_store (
  instance TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (instance, key)
);
