-- The latest automatic charges that a gateway answered, without those that were not made because it declined so many.
CREATE INDEX payments_autopay_settled ON payments (gateway, settled_at)
  WHERE origin = 'autopay' AND settled_at IS NOT NULL AND decline_code <> 'declines_paused';
