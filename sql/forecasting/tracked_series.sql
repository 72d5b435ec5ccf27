-- Finds all series of a metric and grain that are scored, whether or not they are forecast now.
-- One row per series: ID, fields of its level, key, whether an actual other than 0 is known from %(first)s to %(last)s.
-- Reads forecast.series, .actuals.

SELECT
    sibling.series_id,
    sibling.level,
    sibling.key::text AS key,
    coalesce(
        (
            SELECT bool_or(actuals.value <> 0)
            FROM forecast.actuals AS actuals
            WHERE actuals.series_id = sibling.series_id AND actuals.period BETWEEN %(first)s AND %(last)s
        ),
        false
    ) AS has_actuals
FROM forecast.series AS given
INNER JOIN forecast.series AS sibling
    ON given.dataset = sibling.dataset AND given.metric = sibling.metric AND given.grain = sibling.grain
WHERE given.series_id = %(series_id)s AND NOT sibling.is_rest;
