-- The audit trail hashed into a chain: see kernel/accounts/audit_seal.hpp.
CREATE TABLE audit_seals (
  position BIGINT PRIMARY KEY,          -- 1, 2, 3, ...
  events BIGINT NOT NULL CHECK (events > 0),
  digest TEXT NOT NULL,
  sealed_at TEXT NOT NULL
);
ALTER TABLE audit_events ADD COLUMN seal_position BIGINT;  -- NULL: not sealed yet
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE seal_position IS NULL;
CREATE INDEX audit_events_seal ON audit_events (seal_position, id) WHERE seal_position IS NOT NULL;
