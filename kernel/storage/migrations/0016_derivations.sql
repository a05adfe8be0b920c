-- What an amount was computed from when it was: JSON, see invoicing/derivation.hpp. Of what is older nothing is known; the words
-- that prorated prices had stay.
UPDATE invoice_lines SET derivation = '{"from":"words","words":"' || derivation || '"}' WHERE derivation <> '';
-- The tax that the listed price contains and this buyer does not pay, in 1/1'000'000 of a percent.
ALTER TABLE invoice_lines ADD COLUMN tax_contained BIGINT NOT NULL DEFAULT 0;
ALTER TABLE allocations ADD COLUMN derivation TEXT NOT NULL DEFAULT '';
ALTER TABLE autopay_attempts ADD COLUMN retry_derivation TEXT NOT NULL DEFAULT '';  -- of retry_on
