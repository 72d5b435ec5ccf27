-- Makes analytics.vehicle_numbers.
-- One row per vehicle that has ever had a log: its number, which is its bit in every set of vehicles.
-- Filled by vehicle_numbers.refresh.sql.

CREATE TABLE analytics.vehicle_numbers (
    vehicle_id text COLLATE "C" PRIMARY KEY,
    number     integer NOT NULL UNIQUE
);

COMMENT ON TABLE analytics.vehicle_numbers IS 'Numbers of the vehicles, which are their bits in daily_routes.vehicles, days.vehicle_set and days.carrier_set';
COMMENT ON COLUMN analytics.vehicle_numbers.vehicle_id IS 'The vehicle, as its logs name it';
COMMENT ON COLUMN analytics.vehicle_numbers.number IS 'From 0, without gaps, and never changed: a vehicle whose logs are all gone keeps it';
