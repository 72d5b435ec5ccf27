-- Makes analytics.routes.
-- One row per route (origin, destination) with at least one shipment in analytics.daily_routes: the sums of all its days.
-- Filled by routes.refresh.sql.

CREATE TABLE analytics.routes (
    route          integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    origin         text COLLATE "C" NOT NULL,
    destination    text COLLATE "C" NOT NULL,
    shipments      bigint NOT NULL,
    delivery_sum   numeric NOT NULL,
    delivery_count bigint NOT NULL,
    PRIMARY KEY (origin, destination)
);

COMMENT ON TABLE analytics.routes IS 'Shipments per route, of all days together';
COMMENT ON COLUMN analytics.routes.route IS 'The route''s number, the same in analytics.daily_routes; kept as long as the route has shipments';
COMMENT ON COLUMN analytics.routes.origin IS 'Where the shipments were picked up';
COMMENT ON COLUMN analytics.routes.destination IS 'Where they were delivered';
COMMENT ON COLUMN analytics.routes.shipments IS 'Number of shipments, all-time';
COMMENT ON COLUMN analytics.routes.delivery_sum IS 'Sum of delivery times, all-time, hours: a shipment is on time up to an hour above the mean';
COMMENT ON COLUMN analytics.routes.delivery_count IS 'Shipments that have a delivery time, all-time: the divisor of its mean';
