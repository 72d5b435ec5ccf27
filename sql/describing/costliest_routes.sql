-- Gives the routes with the highest total cost in the newest days that have figures.
-- One row per route, costliest first: origin, destination, sum of cost, shipments.
-- Reads analytics.daily_routes, analytics.status.

SELECT origin, destination, sum(cost_sum)::float8, sum(shipments)::bigint
FROM analytics.daily_routes
JOIN analytics.status ON day > last_day - %(days)s
GROUP BY origin, destination
ORDER BY sum(cost_sum) DESC, origin, destination
LIMIT %(routes)s;
