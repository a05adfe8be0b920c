CREATE TABLE accounts (
  id {id},
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
  name TEXT NOT NULL,
  company TEXT NOT NULL DEFAULT '',
  email TEXT NOT NULL,
  phone TEXT NOT NULL DEFAULT '',
  street TEXT NOT NULL DEFAULT '',
  city TEXT NOT NULL DEFAULT '',
  region TEXT NOT NULL DEFAULT '',
  postal_code TEXT NOT NULL DEFAULT '',
  country TEXT NOT NULL,
  tax_id TEXT NOT NULL DEFAULT '',
  tax_exempt BIGINT NOT NULL DEFAULT 0,
  currency TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT 'en',
  autopay_enabled BIGINT NOT NULL DEFAULT 0,
  party_id BIGINT NOT NULL,             -- the present snapshot in parties
  created_at TEXT NOT NULL,
  version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX accounts_email ON accounts (email);

-- Immutable snapshots of a buyer's or the seller's legal data. An invoice names the two it was issued with; a change of
-- account details makes a new row.
CREATE TABLE parties (
  id {id},
  account_id BIGINT,                    -- NULL: the provider itself
  name TEXT NOT NULL,
  company TEXT NOT NULL,
  email TEXT NOT NULL,
  street TEXT NOT NULL,
  city TEXT NOT NULL,
  region TEXT NOT NULL,
  postal_code TEXT NOT NULL,
  country TEXT NOT NULL,
  tax_id TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX parties_account ON parties (account_id);

CREATE TABLE users (
  id {id},
  email TEXT NOT NULL UNIQUE,           -- lower-cased
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,          -- argon2id string
  staff_role TEXT,                      -- NULL: not staff
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  created_at TEXT NOT NULL,
  version BIGINT NOT NULL DEFAULT 1
);
CREATE TABLE memberships (
  account_id BIGINT NOT NULL REFERENCES accounts (id),
  user_id BIGINT NOT NULL REFERENCES users (id),
  role TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (account_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE sessions (
  id {id},
  token_hash TEXT NOT NULL UNIQUE,      -- SHA-256, hex
  user_id BIGINT NOT NULL REFERENCES users (id),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  last_used_at TEXT NOT NULL,
  address TEXT NOT NULL DEFAULT '',
  agent TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id);

-- Failed logins by key (a hash of the email, of the network), shared by all processes.
CREATE TABLE login_throttle (
  key TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  blocked_until TEXT NOT NULL
);

CREATE TABLE audit_events (
  id {id},
  at TEXT NOT NULL,
  actor TEXT NOT NULL,                  -- "user", "staff", "job", "cli"
  user_id BIGINT,
  account_id BIGINT,
  action TEXT NOT NULL,                 -- "invoice.void"
  object TEXT NOT NULL,                 -- "inv:42": prefix and number; the edges show it as the outside id
  detail TEXT NOT NULL DEFAULT '',      -- JSON, without secrets
  address TEXT NOT NULL DEFAULT '',
  request_id TEXT NOT NULL DEFAULT ''
);
CREATE INDEX audit_events_account ON audit_events (account_id, id);

-- One stored answer per caller scope, route and key (HTTP Idempotency-Key).
CREATE TABLE idempotency_keys (
  scope TEXT NOT NULL,                  -- the account ("a123") or user ("u123") the key belongs to
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('in_flight', 'done')),
  status BIGINT,
  headers TEXT,
  body TEXT,
  created_at TEXT NOT NULL,
  locked_until TEXT NOT NULL,
  PRIMARY KEY (scope, route, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
