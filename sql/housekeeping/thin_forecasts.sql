-- Keeps a few steps of the forecasts of one old fit whose periods are all over.
-- One row: how many fits that were, 0 if there is none any more.
-- Reads and writes forecast.runs, .forecasts; reads forecast.fits.

WITH oldest AS (
    SELECT min(run.run_id) AS run_id
    FROM forecast.runs AS run
    INNER JOIN forecast.fits AS fits ON run.dataset = fits.dataset
    WHERE run.thinned_at IS NULL
        AND run.issued_at < clock_timestamp() - make_interval(days => %(days)s)
        AND (fits.known_until ->> run.grain)::date
        >= forecast.period_after(run.last_period, run.grain, run.horizon)
),
old AS (
    UPDATE forecast.runs
    SET thinned_at = clock_timestamp()
    FROM oldest
    WHERE runs.run_id = oldest.run_id
    RETURNING runs.run_id, runs.horizon
),
kept AS (
    SELECT
        said.series_id,
        array_agg(per_step.step ORDER BY per_step.place) AS steps,
        array_agg(per_step.point ORDER BY per_step.place) AS point,
        array_agg(per_step.naive ORDER BY per_step.place) AS naive
    FROM old
    INNER JOIN forecast.forecasts AS said ON old.run_id = said.run_id
    CROSS JOIN LATERAL unnest(said.steps, said.point, said.naive) WITH ORDINALITY AS per_step (step, point, naive, place)
    WHERE per_step.step IN (1, 7, 14, 28, old.horizon)
    GROUP BY said.series_id
),
bands AS (
    SELECT said.series_id, array_agg(band.value ORDER BY band.place) AS quantiles
    FROM old
    INNER JOIN forecast.forecasts AS said ON old.run_id = said.run_id
    CROSS JOIN LATERAL unnest(said.quantiles) WITH ORDINALITY AS band (value, place)
    WHERE said.steps[mod(band.place - 1, cardinality(said.steps)) + 1] IN (1, 7, 14, 28, old.horizon)
    GROUP BY said.series_id
),
thinned AS (
    UPDATE forecast.forecasts
    SET steps = kept.steps,
        point = kept.point,
        naive = kept.naive,
        quantiles = bands.quantiles
    FROM old, kept, bands
    WHERE forecasts.run_id = old.run_id
        AND forecasts.series_id = kept.series_id
        AND forecasts.series_id = bands.series_id
)
SELECT count(*) FROM old;
