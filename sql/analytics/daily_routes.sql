-- Makes analytics.daily_routes.
-- One row per day and route (origin, destination) with at least one shipment; the day is the trip_date of its log.
-- Filled by daily_routes.refresh.sql, the route's number by analytics.routes.

CREATE TABLE analytics.daily_routes (
    day              date NOT NULL,
    origin           text COLLATE "C" NOT NULL,
    destination      text COLLATE "C" NOT NULL,
    shipments        bigint NOT NULL,
    cost_sum         numeric NOT NULL,
    cost_count       bigint NOT NULL,
    weight_sum       numeric NOT NULL,
    weight_count     bigint NOT NULL,
    delivery_sum     numeric NOT NULL,
    delivery_count   bigint NOT NULL,
    delivery_squares numeric NOT NULL,
    delivery_min     numeric,
    delivery_max     numeric,
    cost_with_weight numeric NOT NULL,
    weight_with_cost numeric NOT NULL,
    cost_with_time   numeric NOT NULL,
    time_with_cost   numeric NOT NULL,
    vehicles         bit varying NOT NULL,
    delivery_times   numeric[] NOT NULL,
    route            integer NOT NULL,
    PRIMARY KEY (day, origin, destination)
);

-- Nobody filters or groups by a measure: without statistics of them, ANALYZE takes a third of the time.
ALTER TABLE analytics.daily_routes
    ALTER COLUMN cost_sum SET STATISTICS 0,
    ALTER COLUMN cost_count SET STATISTICS 0,
    ALTER COLUMN weight_sum SET STATISTICS 0,
    ALTER COLUMN weight_count SET STATISTICS 0,
    ALTER COLUMN delivery_sum SET STATISTICS 0,
    ALTER COLUMN delivery_count SET STATISTICS 0,
    ALTER COLUMN delivery_squares SET STATISTICS 0,
    ALTER COLUMN delivery_min SET STATISTICS 0,
    ALTER COLUMN delivery_max SET STATISTICS 0,
    ALTER COLUMN cost_with_weight SET STATISTICS 0,
    ALTER COLUMN weight_with_cost SET STATISTICS 0,
    ALTER COLUMN cost_with_time SET STATISTICS 0,
    ALTER COLUMN time_with_cost SET STATISTICS 0;

COMMENT ON TABLE analytics.daily_routes IS 'Shipments per day and route';
COMMENT ON COLUMN analytics.daily_routes.day IS 'The trip_date of the log that carried them';
COMMENT ON COLUMN analytics.daily_routes.origin IS 'Where they were picked up';
COMMENT ON COLUMN analytics.daily_routes.destination IS 'Where they were delivered';
COMMENT ON COLUMN analytics.daily_routes.shipments IS 'Number of shipments';
COMMENT ON COLUMN analytics.daily_routes.cost_sum IS 'Sum of costs (revenue), currency';
COMMENT ON COLUMN analytics.daily_routes.cost_count IS 'Shipments that have a cost: the divisor of its mean';
COMMENT ON COLUMN analytics.daily_routes.weight_sum IS 'Sum of weights, kg';
COMMENT ON COLUMN analytics.daily_routes.weight_count IS 'Shipments that have a weight: the divisor of its mean';
COMMENT ON COLUMN analytics.daily_routes.delivery_sum IS 'Sum of delivery times, hours';
COMMENT ON COLUMN analytics.daily_routes.delivery_count IS 'Shipments that have a delivery time: the divisor of its mean';
COMMENT ON COLUMN analytics.daily_routes.delivery_squares IS 'Sum of squared delivery times, square hours: gives the standard deviation of any range';
COMMENT ON COLUMN analytics.daily_routes.delivery_min IS 'Shortest delivery time, hours; NULL where none is known';
COMMENT ON COLUMN analytics.daily_routes.delivery_max IS 'Longest delivery time, hours; NULL where none is known';
COMMENT ON COLUMN analytics.daily_routes.cost_with_weight IS 'Sum of costs over shipments that have cost and weight, currency';
COMMENT ON COLUMN analytics.daily_routes.weight_with_cost IS 'Sum of weights over shipments that have cost and weight, kg';
COMMENT ON COLUMN analytics.daily_routes.cost_with_time IS 'Sum of costs over shipments that have cost and delivery time, currency';
COMMENT ON COLUMN analytics.daily_routes.time_with_cost IS 'Sum of delivery times over shipments that have cost and delivery time, hours';
COMMENT ON COLUMN analytics.daily_routes.vehicles IS 'Vehicles that carried them: bit n from the left, from 0, is the vehicle with number n in analytics.vehicle_numbers; ends with the last one that is set. Those of a range: bit_or of all, padded to one length';
COMMENT ON COLUMN analytics.daily_routes.delivery_times IS 'The delivery times that are known, ascending, hours: width_bucket(x, delivery_times) is how many are at most x';
COMMENT ON COLUMN analytics.daily_routes.route IS 'The route''s number in analytics.routes: to group by and to join on; one integer instead of two texts';
