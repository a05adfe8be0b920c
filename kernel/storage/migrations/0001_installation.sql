-- One row: facts of this installation. id_key is 32 hex digits (see base/id.hpp).
CREATE TABLE installation (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  id_key TEXT NOT NULL,
  created_at TEXT NOT NULL,
  test_clock_now TEXT
);
CREATE TABLE id_blocks (
  name TEXT PRIMARY KEY,
  next BIGINT NOT NULL
);
-- Gap-free numbers, one row a series ("INV-2027"); taken inside the transaction that uses them.
CREATE TABLE number_series (
  series TEXT PRIMARY KEY,
  next BIGINT NOT NULL CHECK (next >= 1)
);
