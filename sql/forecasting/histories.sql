-- Computes the metrics of every series of every level by period.
-- One row per series: its position, the numbers of its periods from 0 on, and of each metric the values in that order.
-- Reads {source}, a pre-aggregate or the records, and pg_temp.forecast_keys.

WITH cells AS (
    SELECT {positions} AS position, {first_day} AS period, {values}
    FROM {source}
    INNER JOIN pg_temp.forecast_keys AS keys ON keys.key = {key_of_record}
    WHERE {day} BETWEEN %(first)s AND %(last)s
    GROUP BY GROUPING SETS ({sets})
)
SELECT position, array_agg({number} ORDER BY period) AS numbers, {arrays}
FROM cells
GROUP BY position
ORDER BY position;
