-- Deletes requests about contracts that were served or refused long ago.
-- One row less per request; pending ones stay.
-- Reads catalogue.requests.

DELETE FROM catalogue.requests
WHERE done_at < clock_timestamp() - make_interval(days => %(days)s);
