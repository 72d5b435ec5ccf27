-- Deletes the sums of some periods, before they are summed up anew: a period may have no known actual any more.
-- Those of fits of which only a few steps are kept stay, as nothing could replace them.
-- Reads forecast.runs, .series, deletes from forecast.accuracy.

DELETE FROM forecast.accuracy
USING forecast.runs, forecast.series
WHERE series.series_id = (%(series)s::bigint[])[1]
    AND runs.dataset = series.dataset
    AND runs.metric = series.metric
    AND runs.grain = series.grain
    AND accuracy.run_id = runs.run_id
    AND runs.thinned_at IS NULL
    AND forecast.period_after(runs.last_period, runs.grain, accuracy.step) = ANY(%(periods)s::date[]);
