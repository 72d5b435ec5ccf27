-- Compares the cost per kilometre of each vehicle over the newest finished days with its own over the days before, in per cent:
-- the costs of shipments divided by the distance of their trips, over trips of which both are known.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads analytics.daily_vehicles.

WITH days AS (
    SELECT max(day) AS newest
    FROM analytics.daily_vehicles
    WHERE day < (%(moment)s AT TIME ZONE 'UTC')::date
),

vehicle_days AS (
    SELECT
        vehicle.vehicle_id,
        vehicle.trips,
        vehicle.cost_with_mileage AS cost,
        vehicle.mileage_with_cost AS km,
        vehicle.day > days.newest - %(over)s AS is_new,
        days.newest
    FROM days
    INNER JOIN analytics.daily_vehicles AS vehicle
        ON vehicle.day BETWEEN days.newest - %(over)s - %(window_days)s + 1 AND days.newest
),

costs AS (
    SELECT
        vehicle_id,
        sum(cost) FILTER (WHERE is_new) / nullif(sum(km) FILTER (WHERE is_new), 0) AS now,
        sum(cost) FILTER (WHERE NOT is_new) / nullif(sum(km) FILTER (WHERE NOT is_new), 0) AS before,
        newest - %(over)s + 1 AS first_day,
        newest AS last_day
    FROM vehicle_days
    GROUP BY vehicle_id, newest
    HAVING
        sum(trips) FILTER (WHERE is_new) >= %(least_records)s
        AND sum(trips) FILTER (WHERE NOT is_new) >= %(least_records)s
)

SELECT
    jsonb_build_object('vehicle_id', vehicle_id) AS labels,
    (100 * (now / before - 1))::double precision AS value,
    jsonb_build_array(
        'The cost per km of {vehicle} was {now}, {change:change} against {before} in the {days} days before {first:day}',
        NULL,
        jsonb_build_object(
            'vehicle', vehicle_id, 'now', round(now, 2), 'change', round(100 * (now / before - 1), 1),
            'before', round(before, 2), 'days', %(window_days)s, 'first', first_day
        )
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('Vehicle', vehicle_id),
        jsonb_build_array('Days', jsonb_build_array(
            '{start:day} to {end:day}', NULL, jsonb_build_object('start', first_day, 'end', last_day)
        ))
    ) AS facts,
    '/vehicles' AS page
FROM costs
WHERE now IS NOT NULL AND before > 0
ORDER BY abs(now / before - 1) DESC, vehicle_id
LIMIT %(most)s;
