-- The journal. An entry is immutable, its postings sum to zero per currency. (kind, source_id) is the natural key: the same
-- business fact can be booked once only.
CREATE TABLE journal_entries (
  id {id},
  kind TEXT NOT NULL,
  source_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,           -- the customer; 0: none
  booked_at TEXT NOT NULL,
  booked_on TEXT NOT NULL,              -- civil date in the provider's zone
  description TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX journal_entries_source ON journal_entries (source_id, kind);
CREATE INDEX journal_entries_account ON journal_entries (account_id, id);

-- amount: minor units; a debit is positive, a credit negative.
CREATE TABLE postings (
  entry_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  ledger_account TEXT NOT NULL,         -- see ledger/chart.hpp: "receivable", "revenue", "tax_payable/DE", "clearing/cards"
  account_id BIGINT NOT NULL,           -- the customer for receivable and customer_credit, else 0
  invoice_id BIGINT,                    -- on each receivable posting
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (entry_id, position)
);
CREATE INDEX postings_invoice ON postings (invoice_id) WHERE invoice_id IS NOT NULL;

-- Customer credit by currency: the sum of the customer_credit postings with the sign turned, kept beside the ledger so that the
-- database itself can refuse a negative one.
CREATE TABLE credit_balances (
  account_id BIGINT NOT NULL,
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (account_id, currency)
);
CREATE INDEX credit_balances_positive ON credit_balances (account_id) WHERE amount > 0;

CREATE TABLE invoices (
  id {id},
  account_id BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('order', 'renewal', 'manual', 'late_fee', 'deposit')),
  status TEXT NOT NULL CHECK (status IN ('draft', 'open', 'paid', 'void', 'uncollectible', 'refunded')),
  series TEXT,                          -- NULL until it is legal
  sequence BIGINT,
  number TEXT,
  issued_on TEXT NOT NULL,              -- civil date
  due_on TEXT NOT NULL,
  currency TEXT NOT NULL,
  net BIGINT NOT NULL,                  -- sum of lines before tax
  tax BIGINT NOT NULL,
  total BIGINT NOT NULL,                -- net + tax, never changes once issued as legal
  balance BIGINT NOT NULL CHECK (balance >= 0),  -- still owed
  seller_party_id BIGINT NOT NULL,
  buyer_party_id BIGINT NOT NULL,
  late_fee_of BIGINT UNIQUE,            -- the overdue invoice a late fee belongs to: one at most
  created_at TEXT NOT NULL,
  paid_at TEXT,
  autopay_on TEXT,                      -- next automatic charge; NULL: none
  autopay_attempts BIGINT NOT NULL DEFAULT 0,
  dunning_action TEXT,                  -- next dunning step: remind, late_fee, suspend, terminate; NULL: none
  dunning_on TEXT,
  dunning_offset BIGINT,                -- days from the due date of the step in dunning_action
  submission_state TEXT,                -- electronic invoicing: submitted, accepted, rejected
  submission_number TEXT,
  version BIGINT NOT NULL DEFAULT 1,
  CHECK (total = net + tax),
  CHECK ((number IS NULL) = (sequence IS NULL))
);
CREATE INDEX invoices_account ON invoices (account_id, id);
CREATE UNIQUE INDEX invoices_number ON invoices (series, sequence) WHERE series IS NOT NULL;
CREATE INDEX invoices_autopay ON invoices (autopay_on, account_id, id) WHERE autopay_on IS NOT NULL;
CREATE INDEX invoices_dunning ON invoices (dunning_action, dunning_on, account_id, id) WHERE dunning_action IS NOT NULL;

CREATE TABLE invoice_lines (
  id {id},
  invoice_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('recurring', 'one_time', 'setup', 'discount', 'proration', 'late_fee', 'deposit', 'manual')),
  service_id BIGINT,
  period_start TEXT,                    -- first day
  period_end TEXT,                      -- first day after
  description TEXT NOT NULL,
  quantity BIGINT NOT NULL DEFAULT 1,
  unit_code TEXT NOT NULL DEFAULT 'C62',
  unit_price BIGINT NOT NULL,           -- as listed (with tax where the rule is inclusive)
  net BIGINT NOT NULL,
  tax BIGINT NOT NULL,                  -- this line's share of its rate group's tax
  tax_rule TEXT NOT NULL DEFAULT '',    -- "DE VAT": the rule's name and place, for the report
  tax_place TEXT NOT NULL DEFAULT '',    -- whom the tax is owed to: "DE", "US-CA"
  tax_rate BIGINT NOT NULL,             -- in 1/1'000'000 of a percent
  tax_inclusive BIGINT NOT NULL DEFAULT 0,
  tax_category TEXT NOT NULL,           -- EN 16931
  exemption_reason TEXT NOT NULL DEFAULT '',
  removed_at TEXT                       -- taken off a draft or pro-forma invoice, or credited in whole
);
CREATE INDEX invoice_lines_invoice ON invoice_lines (invoice_id);
-- One line for a service and period, whatever path asks for it. A line that was taken back frees its period.
CREATE UNIQUE INDEX invoice_lines_period ON invoice_lines (service_id, period_start)
  WHERE service_id IS NOT NULL AND kind = 'recurring' AND removed_at IS NULL;

CREATE TABLE credit_notes (
  id {id},
  account_id BIGINT NOT NULL,
  invoice_id BIGINT NOT NULL,
  series TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  number TEXT NOT NULL,
  issued_on TEXT NOT NULL,
  currency TEXT NOT NULL,
  net BIGINT NOT NULL,
  tax BIGINT NOT NULL,
  total BIGINT NOT NULL CHECK (total > 0),
  reason TEXT NOT NULL,
  seller_party_id BIGINT NOT NULL,
  buyer_party_id BIGINT NOT NULL,
  created_at TEXT NOT NULL,
  CHECK (total = net + tax)
);
CREATE INDEX credit_notes_invoice ON credit_notes (invoice_id);
CREATE INDEX credit_notes_account ON credit_notes (account_id, id);
CREATE UNIQUE INDEX credit_notes_number ON credit_notes (series, sequence);
CREATE TABLE credit_note_lines (
  credit_note_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  line_id BIGINT NOT NULL,              -- the invoice line it takes back, in whole or part
  net BIGINT NOT NULL,
  tax BIGINT NOT NULL,
  description TEXT NOT NULL,
  PRIMARY KEY (credit_note_id, position)
);
CREATE INDEX credit_note_lines_line ON credit_note_lines (line_id);

-- Lines taken off an invoice that was not legal yet, with the journal entry that took them off (kind 'lines_removed').
CREATE TABLE invoice_adjustments (
  id {id},
  invoice_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  net BIGINT NOT NULL,
  tax BIGINT NOT NULL,
  reason TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX invoice_adjustments_invoice ON invoice_adjustments (invoice_id);

-- sqlite:
CREATE TRIGGER journal_entries_immutable_u BEFORE UPDATE ON journal_entries BEGIN SELECT RAISE(ABORT, 'journal entries are immutable'); END;
CREATE TRIGGER journal_entries_immutable_d BEFORE DELETE ON journal_entries BEGIN SELECT RAISE(ABORT, 'journal entries are immutable'); END;
CREATE TRIGGER postings_immutable_u BEFORE UPDATE ON postings BEGIN SELECT RAISE(ABORT, 'postings are immutable'); END;
CREATE TRIGGER postings_immutable_d BEFORE DELETE ON postings BEGIN SELECT RAISE(ABORT, 'postings are immutable'); END;
CREATE TRIGGER parties_immutable_u BEFORE UPDATE ON parties BEGIN SELECT RAISE(ABORT, 'party snapshots are immutable'); END;
-- end
-- postgresql:
CREATE FUNCTION bursar_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is immutable', TG_TABLE_NAME; END $$;
CREATE TRIGGER journal_entries_immutable BEFORE UPDATE OR DELETE ON journal_entries FOR EACH STATEMENT EXECUTE FUNCTION bursar_refuse_change();
CREATE TRIGGER postings_immutable BEFORE UPDATE OR DELETE ON postings FOR EACH STATEMENT EXECUTE FUNCTION bursar_refuse_change();
CREATE TRIGGER parties_immutable BEFORE UPDATE ON parties FOR EACH STATEMENT EXECUTE FUNCTION bursar_refuse_change();
-- end
