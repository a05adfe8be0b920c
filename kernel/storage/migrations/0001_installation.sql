-- One row: facts of this installation. id_key is 32 hex digits (see base/id.hpp).
CREATE TABLE installation (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  id_key TEXT NOT NULL,
  created_at TEXT NOT NULL,
  test_clock_now TEXT
);
-- Where fresh ids come from (Transaction::reserve_ids). PostgreSQL: a process takes 65,536 at a time.
-- sqlite:
CREATE TABLE id_blocks (
  name TEXT PRIMARY KEY,
  next BIGINT NOT NULL
);
INSERT INTO id_blocks (name, next) VALUES ('ids', 1);
-- end
-- postgresql:
CREATE SEQUENCE bursar_ids AS BIGINT START WITH 1 INCREMENT BY 65536 NO CYCLE;
-- end
-- Gap-free numbers, one row a series ("INV-2027-"); taken inside the transaction that uses them.
CREATE TABLE number_series (
  series TEXT PRIMARY KEY,
  next BIGINT NOT NULL CHECK (next >= 1),
  last_on TEXT NOT NULL DEFAULT ''      -- civil date of the newest document: dates never fall as numbers grow
);
