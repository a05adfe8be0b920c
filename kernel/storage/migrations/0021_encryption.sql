-- The keys that values of the store are, or were, encrypted with: names only (base/vault.hpp). A process that lacks one of
-- them does not start.
CREATE TABLE encryption_keys (
  id TEXT PRIMARY KEY,
  created_at TEXT NOT NULL
);

-- token: sealed. token_lookup: a keyed hash of it, by which a method that a gateway tells of is found; the token itself where
-- that stands in clear.
ALTER TABLE payment_methods ADD COLUMN token_lookup TEXT NOT NULL DEFAULT '';
UPDATE payment_methods SET token_lookup = token;
DROP INDEX payment_methods_token;
CREATE INDEX payment_methods_token ON payment_methods (gateway, token_lookup) WHERE status = 'active';

-- A text of before that happens to begin like a mark of the format.
UPDATE payment_methods SET token = 'clear:' || token WHERE token LIKE 'enc1:%' OR token LIKE 'clear:%';
UPDATE plugin_store SET value = 'clear:' || value WHERE value LIKE 'enc1:%' OR value LIKE 'clear:%';
UPDATE webhook_requests SET path = 'clear:' || path WHERE path LIKE 'enc1:%' OR path LIKE 'clear:%';
UPDATE webhook_requests SET query = 'clear:' || query WHERE query LIKE 'enc1:%' OR query LIKE 'clear:%';

-- What effects kept of answers that saved a method, whose token may stand in them more than once. Nothing reads them: the
-- payment, the setup or the request has what came of it.
UPDATE effects SET outcome = '' WHERE outcome <> '' AND (kind = 'webhook' OR outcome LIKE '%"method":%');
