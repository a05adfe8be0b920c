-- What disputes, undecided or lost, hold of the payment. With the refunds never more than it received.
ALTER TABLE payments ADD COLUMN disputed BIGINT NOT NULL DEFAULT 0 CHECK (disputed >= 0);

-- A refund may take back certain lines, and more than it sends: the rest came from credit and becomes credit.
ALTER TABLE refunds ADD COLUMN credited BIGINT NOT NULL DEFAULT 0 CHECK (credited >= 0);
ALTER TABLE refunds ADD COLUMN request_id BIGINT;
ALTER TABLE refunds ADD COLUMN gateway TEXT NOT NULL DEFAULT '';
UPDATE refunds SET gateway = (SELECT p.gateway FROM payments p WHERE p.id = refunds.payment_id);
-- Each refund of a gateway is ours once.
CREATE UNIQUE INDEX refunds_reference ON refunds (gateway, gateway_reference) WHERE gateway_reference IS NOT NULL;

CREATE TABLE refund_requests (
  id {id},
  account_id BIGINT NOT NULL,
  payment_id BIGINT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('requested', 'approved', 'declined', 'withdrawn')),
  currency TEXT NOT NULL,
  amount BIGINT CHECK (amount > 0),     -- asked; NULL: the whole of the lines, or of the payment
  reason TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  requested_by BIGINT,
  eligible BIGINT NOT NULL,             -- what the rules said at that time; why: refund_request_conditions
  credit_only BIGINT NOT NULL,
  refundable BIGINT NOT NULL,           -- the most the payment could give back then
  decided_at TEXT,
  decided_by BIGINT,                    -- NULL: by rule, or from the command line
  by_rule BIGINT NOT NULL DEFAULT 0,
  decision_reason TEXT NOT NULL DEFAULT '',
  override_reason TEXT NOT NULL DEFAULT '',  -- why staff approved against the rules
  refund_id BIGINT UNIQUE,
  version BIGINT NOT NULL DEFAULT 1,
  CHECK ((status = 'approved') = (refund_id IS NOT NULL))
);
-- A payment has one open request.
CREATE UNIQUE INDEX refund_requests_open ON refund_requests (payment_id) WHERE status = 'requested';
CREATE INDEX refund_requests_payment ON refund_requests (payment_id, id);
CREATE INDEX refund_requests_account ON refund_requests (account_id, id);
CREATE INDEX refund_requests_waiting ON refund_requests (id) WHERE status = 'requested';
CREATE TABLE refund_request_lines (
  request_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  line_id BIGINT NOT NULL,
  PRIMARY KEY (request_id, position)
);
-- The rule's verdict, condition by condition, with the facts it was given on.
CREATE TABLE refund_request_conditions (
  request_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  line_id BIGINT,                       -- NULL: about the payment
  product TEXT NOT NULL DEFAULT '',     -- its code
  rule TEXT NOT NULL,                   -- "default", or the code of the product whose rule it is
  name TEXT NOT NULL,                   -- window, first_term, new_customer, ...
  verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails', 'credit_only')),
  explanation TEXT NOT NULL,
  PRIMARY KEY (request_id, position)
);

CREATE TABLE disputes (
  id {id},
  account_id BIGINT NOT NULL,
  payment_id BIGINT NOT NULL,
  gateway TEXT NOT NULL,
  reference TEXT NOT NULL,              -- the gateway's id of the dispute
  status TEXT NOT NULL CHECK (status IN ('opened', 'won', 'lost')),
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),    -- what the gateway took
  counted BIGINT NOT NULL CHECK (counted >= 0 AND counted <= amount),  -- of it, what the payment still had: the rest was refunded before
  held BIGINT NOT NULL CHECK (held >= 0 AND held <= amount),  -- of it, taken from the customer's credit
  fee BIGINT NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  respond_by TEXT,
  opened_at TEXT NOT NULL,
  closed_at TEXT,
  version BIGINT NOT NULL DEFAULT 1,
  UNIQUE (gateway, reference)
);
CREATE INDEX disputes_payment ON disputes (payment_id);
CREATE INDEX disputes_account ON disputes (account_id, id);
