-- Incidents remember with which others their beginning was announced: their ends belong to the same thread of messages.

ALTER TABLE alert.incidents ADD COLUMN IF NOT EXISTS announced_with bigint;
COMMENT ON COLUMN alert.incidents.announced_with IS 'The first of the incidents that its beginning was announced with, itself included';
