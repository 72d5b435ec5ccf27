-- Deletes requests to pull that were served or refused long ago.
-- One row less per request; pending ones stay.
-- Reads source.requests.

DELETE FROM source.requests
WHERE done_at < clock_timestamp() - make_interval(days => %(days)s);
