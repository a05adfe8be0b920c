-- Orders that wait for their payment, which the daily run looks through.
CREATE INDEX orders_pending ON orders (account_id, invoice_id) WHERE status = 'pending';
