-- Finds the days on which a rule about forecasts can be tried: since the first period that has come true
-- is over, and its forecast issued.
-- One row: first_day, UTC; NULL if there is none.
-- Reads forecast.runs, .accuracy.

SELECT min(greatest(
    forecast.period_after(run.last_period, run.grain, accuracy.step + 1) - 1,
    (run.issued_at AT TIME ZONE 'UTC')::date
)) AS first_day
FROM forecast.runs AS run
INNER JOIN forecast.accuracy AS accuracy ON run.run_id = accuracy.run_id
WHERE (%(dataset)s::text IS NULL OR run.dataset = %(dataset)s)
    AND (%(metric)s::text IS NULL OR (run.metric = %(metric)s AND run.grain = %(grain)s));
