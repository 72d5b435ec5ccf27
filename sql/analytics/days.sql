-- Makes analytics.days.
-- One row per day with at least one log.
-- Filled by days.refresh.sql.

CREATE TABLE analytics.days (
    day            date PRIMARY KEY,
    vehicles       bigint NOT NULL,
    trips          bigint NOT NULL,
    mileage_sum    numeric NOT NULL,
    fuel_sum       numeric NOT NULL,
    shipments      bigint NOT NULL,
    cost_sum       numeric NOT NULL,
    cost_count     bigint NOT NULL,
    delivery_sum   numeric NOT NULL,
    delivery_count bigint NOT NULL
);

COMMENT ON TABLE analytics.days IS 'Trips and shipments per day, of all vehicles together';
COMMENT ON COLUMN analytics.days.vehicles IS 'Vehicles that drove on that day; those of several days are not a sum';
COMMENT ON COLUMN analytics.days.trips IS 'Logs of that day';
COMMENT ON COLUMN analytics.days.mileage_sum IS 'Distance driven, km';
COMMENT ON COLUMN analytics.days.fuel_sum IS 'Fuel burnt, litres';
COMMENT ON COLUMN analytics.days.cost_sum IS 'Revenue of the shipments carried';
COMMENT ON COLUMN analytics.days.delivery_sum IS 'Sum of their delivery times, hours';
