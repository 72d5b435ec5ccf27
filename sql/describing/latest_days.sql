-- Gives the revenue of each of the newest days that have figures, a calendar without gaps.
-- One row per day, ascending: the day as text, sum of cost.
-- Reads analytics.days, analytics.status.

SELECT calendar.day::date::text, coalesce(days.cost_sum, 0)::float8
FROM analytics.status
CROSS JOIN generate_series(greatest(first_day, last_day - %(days)s + 1), last_day, '1 day') AS calendar (day)
LEFT JOIN analytics.days AS days ON days.day = calendar.day::date
ORDER BY 1;
