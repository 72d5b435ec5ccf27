-- Finds the files that were loaded, or failed, long ago.
-- One row per path.
-- Reads ingest.files.

SELECT path
FROM ingest.files
GROUP BY path
HAVING max(coalesce(finished_at, registered_at)) < clock_timestamp() - make_interval(days => %(days)s)
   AND NOT bool_or(state IN ('registered', 'loading'));
