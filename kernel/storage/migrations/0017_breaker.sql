-- A run may wait for a person: status 'held'.
CREATE TABLE scheduler_runs_with_held (
  id {id},
  job TEXT NOT NULL,
  scheduled_at TEXT NOT NULL,
  logical_date TEXT NOT NULL,           -- civil date of scheduled_at in the job's zone
  status TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'held', 'done', 'failed', 'skipped')),
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
INSERT INTO scheduler_runs_with_held (id, job, scheduled_at, logical_date, status, catch_up, step, owner, fence, lease_until,
  started_at, finished_at, error) SELECT id, job, scheduled_at, logical_date, status, catch_up, step, owner, fence, lease_until,
  started_at, finished_at, error FROM scheduler_runs;
DROP TABLE scheduler_runs;
ALTER TABLE scheduler_runs_with_held RENAME TO scheduler_runs;
CREATE INDEX scheduler_runs_open ON scheduler_runs (scheduled_at) WHERE status IN ('waiting', 'running', 'failed');
CREATE INDEX scheduler_runs_held ON scheduler_runs (job, scheduled_at) WHERE status = 'held';

-- What a step was about to reach before it began, and whether it might.
CREATE TABLE step_checks (
  run_id BIGINT NOT NULL,
  step TEXT NOT NULL,
  kind TEXT NOT NULL,                   -- its section under scheduler.breaker
  objects TEXT NOT NULL,                -- what is counted: "services"
  reach BIGINT NOT NULL,
  bound BIGINT,                         -- the most that needs no approval; NULL: no limit applied
  verdict TEXT NOT NULL CHECK (verdict IN ('passed', 'held', 'approved', 'rejected', 'lapsed')),
  reason TEXT NOT NULL DEFAULT '',      -- why it is held
  checked_at TEXT NOT NULL,
  decided_at TEXT,
  decided_by BIGINT,
  decision_reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run_id, step)
);
CREATE INDEX step_checks_step ON step_checks (step, run_id);
