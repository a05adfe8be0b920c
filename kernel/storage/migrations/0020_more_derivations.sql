-- What else was computed, as in 0016: the part of a line that a credit note took, and the day of the next automatic charge. Of
-- what is older nothing is known.
ALTER TABLE credit_note_lines ADD COLUMN derivation TEXT NOT NULL DEFAULT '';
ALTER TABLE invoices ADD COLUMN autopay_derivation TEXT NOT NULL DEFAULT '';  -- of autopay_on, where that is set
