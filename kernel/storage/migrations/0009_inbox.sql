-- What providers send in, as it arrived: stored before anything is made of it, dropped again when it is not genuine.
CREATE TABLE webhook_requests (
  id {id},
  instance TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,                   -- below the instance's own address
  query TEXT NOT NULL,
  headers TEXT NOT NULL,                -- JSON [["name", "value"], ...], in the order sent
  body TEXT NOT NULL,                   -- base64
  remote_address TEXT NOT NULL,
  received_at TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('received', 'waiting', 'done')),
  answer TEXT NOT NULL DEFAULT '',      -- JSON: what the plugin wants answered over HTTP
  error TEXT NOT NULL DEFAULT '',
  processed_at TEXT
);
CREATE INDEX webhook_requests_instance ON webhook_requests (instance, id);
CREATE INDEX webhook_requests_open ON webhook_requests (id) WHERE status <> 'done';
CREATE INDEX webhook_requests_received ON webhook_requests (received_at);
CREATE INDEX effects_webhooks ON effects (finished_at) WHERE kind = 'webhook' AND state = 'done';
-- One row an event, however often it is sent.
CREATE TABLE webhook_events (
  id {id},
  instance TEXT NOT NULL,
  event_id TEXT NOT NULL,
  request_id BIGINT NOT NULL,           -- the request that brought it first
  event TEXT NOT NULL,                  -- JSON: what the plugin read from it
  status TEXT NOT NULL CHECK (status IN ('waiting', 'applied', 'ignored', 'suspense')),
  note TEXT NOT NULL DEFAULT '',        -- what became of it, for staff
  created_at TEXT NOT NULL,
  applied_at TEXT,
  UNIQUE (instance, event_id)
);
CREATE INDEX webhook_events_request ON webhook_events (request_id);
-- Requests that were not genuine leave no more than this.
CREATE TABLE webhook_refusals (
  instance TEXT PRIMARY KEY,
  count BIGINT NOT NULL,
  last_at TEXT NOT NULL,
  last_address TEXT NOT NULL,
  last_reason TEXT NOT NULL
);

-- Money that arrived at a gateway and belongs to no payment of ours, until staff say whose it is.
CREATE TABLE suspense_items (
  id {id},
  gateway TEXT NOT NULL,
  reference TEXT NOT NULL,              -- the gateway's transaction
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  note TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL CHECK (status IN ('open', 'assigned', 'returned')),
  payment_id BIGINT,                    -- assigned: the payment that it became
  received_at TEXT NOT NULL,
  closed_at TEXT,
  UNIQUE (gateway, reference)
);
CREATE INDEX suspense_items_open ON suspense_items (id) WHERE status = 'open';
