-- Methods that customers have kept at a gateway, without a payment or while they pay.
CREATE TABLE method_setups (
  id {id},
  account_id BIGINT NOT NULL,
  gateway TEXT NOT NULL,                -- plugin instance
  status TEXT NOT NULL CHECK (status IN ('pending', 'requires_action', 'succeeded', 'failed', 'unknown', 'expired')),
  label TEXT NOT NULL DEFAULT '',       -- the customer's own name for the method; empty: the gateway's
  return_url TEXT NOT NULL DEFAULT '',
  cancel_url TEXT NOT NULL DEFAULT '',
  gateway_reference TEXT,
  next_action TEXT NOT NULL DEFAULT '', -- JSON for the customer
  decline_code TEXT NOT NULL DEFAULT '',
  decline_text TEXT NOT NULL DEFAULT '',
  method_id BIGINT,                     -- what it saved, once
  created_at TEXT NOT NULL,
  settled_at TEXT,
  expires_at TEXT,                      -- as the gateway says
  version BIGINT NOT NULL DEFAULT 1,
  CHECK ((status = 'succeeded') = (method_id IS NOT NULL))
);
CREATE INDEX method_setups_account ON method_setups (account_id, id);
CREATE UNIQUE INDEX method_setups_reference ON method_setups (gateway, gateway_reference) WHERE gateway_reference IS NOT NULL;

ALTER TABLE payments ADD COLUMN save_method BIGINT NOT NULL DEFAULT 0;  -- the customer agreed to have the method kept
ALTER TABLE payments ADD COLUMN saved_method_id BIGINT;                 -- what came of that, once
ALTER TABLE payments ADD COLUMN return_url TEXT NOT NULL DEFAULT '';    -- empty: the portal's own page
ALTER TABLE payments ADD COLUMN cancel_url TEXT NOT NULL DEFAULT '';

ALTER TABLE payment_methods ADD COLUMN named BIGINT NOT NULL DEFAULT 0; -- the label is the customer's own word
ALTER TABLE payment_methods ADD COLUMN told_at TEXT;                    -- of the gateway's last word on it
CREATE INDEX payment_methods_token ON payment_methods (gateway, token) WHERE status = 'active';
