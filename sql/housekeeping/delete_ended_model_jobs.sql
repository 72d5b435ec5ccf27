-- Deletes jobs of models that ended long ago, with their results.
-- One row less per job; open ones stay.
-- Reads models.jobs.

DELETE FROM models.jobs
WHERE finished_at < clock_timestamp() - make_interval(days => %(days)s);
