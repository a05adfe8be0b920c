-- What a customer adds to a mass payment beyond its invoices, for credit.
ALTER TABLE mass_payments ADD COLUMN extra BIGINT NOT NULL DEFAULT 0 CHECK (extra >= 0);
