-- Deletes requests about files that were served or refused long ago.
-- One row less per request; pending ones stay.
-- Reads ingest.file_requests.

DELETE FROM ingest.file_requests
WHERE done_at < clock_timestamp() - make_interval(days => %(days)s);
