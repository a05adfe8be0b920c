-- What a gateway keeps, in the currency in which it counts; '': that of the payment.
ALTER TABLE payments ADD COLUMN fee_currency TEXT NOT NULL DEFAULT '';
ALTER TABLE disputes ADD COLUMN fee_currency TEXT NOT NULL DEFAULT '';

-- 0: the gateway told no id of it, the reference is made of its transaction. One that went by its transaction so far gets
-- its id with the next message about it.
ALTER TABLE disputes ADD COLUMN named BIGINT NOT NULL DEFAULT 1;
UPDATE disputes SET named = 0 WHERE EXISTS (SELECT 1 FROM payments p WHERE p.id = disputes.payment_id
  AND p.gateway = disputes.gateway AND p.gateway_reference = disputes.reference);
