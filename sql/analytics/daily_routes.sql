-- Makes analytics.daily_routes.
-- One row per day and route (origin, destination) with at least one shipment; the day is the trip_date of its log.
-- Filled by daily_routes.refresh.sql.

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
    vehicle_ids      text[] COLLATE "C" NOT NULL,
    PRIMARY KEY (day, origin, destination)
);

COMMENT ON TABLE analytics.daily_routes IS 'Shipments per day and route';
COMMENT ON COLUMN analytics.daily_routes.cost_count IS 'Shipments that have a cost: the divisor of its mean; likewise the other counts';
COMMENT ON COLUMN analytics.daily_routes.delivery_sum IS 'Sum of delivery times, hours';
COMMENT ON COLUMN analytics.daily_routes.delivery_squares IS 'Sum of squared delivery times, square hours: gives the standard deviation of any range';
COMMENT ON COLUMN analytics.daily_routes.cost_with_weight IS 'Sum of cost over shipments that have cost and weight; likewise the other pairs';
COMMENT ON COLUMN analytics.daily_routes.vehicle_ids IS 'Distinct vehicles that carried them, sorted: distinct vehicles of a range are not a sum';
