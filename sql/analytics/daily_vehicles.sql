-- Makes analytics.daily_vehicles.
-- One row per day and vehicle with at least one log.
-- Filled by daily_vehicles.refresh.sql.

CREATE TABLE analytics.daily_vehicles (
    day               date NOT NULL,
    vehicle_id        text COLLATE "C" NOT NULL,
    trips             bigint NOT NULL,
    mileage_sum       numeric NOT NULL,
    mileage_count     bigint NOT NULL,
    fuel_sum          numeric NOT NULL,
    fuel_count        bigint NOT NULL,
    mileage_with_fuel numeric NOT NULL,
    fuel_with_mileage numeric NOT NULL,
    shipments         bigint NOT NULL,
    cost_sum          numeric NOT NULL,
    cost_count        bigint NOT NULL,
    cost_with_mileage numeric NOT NULL,
    mileage_with_cost numeric NOT NULL,
    delivery_sum      numeric NOT NULL,
    delivery_count    bigint NOT NULL,
    PRIMARY KEY (day, vehicle_id)
);

-- Nobody filters or groups by a measure: without statistics of them, ANALYZE takes a third of the time.
ALTER TABLE analytics.daily_vehicles
    ALTER COLUMN mileage_sum SET STATISTICS 0,
    ALTER COLUMN mileage_count SET STATISTICS 0,
    ALTER COLUMN fuel_sum SET STATISTICS 0,
    ALTER COLUMN fuel_count SET STATISTICS 0,
    ALTER COLUMN mileage_with_fuel SET STATISTICS 0,
    ALTER COLUMN fuel_with_mileage SET STATISTICS 0,
    ALTER COLUMN shipments SET STATISTICS 0,
    ALTER COLUMN cost_sum SET STATISTICS 0,
    ALTER COLUMN cost_count SET STATISTICS 0,
    ALTER COLUMN cost_with_mileage SET STATISTICS 0,
    ALTER COLUMN mileage_with_cost SET STATISTICS 0,
    ALTER COLUMN delivery_sum SET STATISTICS 0,
    ALTER COLUMN delivery_count SET STATISTICS 0;

COMMENT ON TABLE analytics.daily_vehicles IS 'Trips and shipments per day and vehicle; a log that carries several shipments counts once';
COMMENT ON COLUMN analytics.daily_vehicles.day IS 'The trip_date of its logs';
COMMENT ON COLUMN analytics.daily_vehicles.vehicle_id IS 'The vehicle, as its logs name it';
COMMENT ON COLUMN analytics.daily_vehicles.trips IS 'Logs of the vehicle on that day';
COMMENT ON COLUMN analytics.daily_vehicles.mileage_sum IS 'Distance driven, km';
COMMENT ON COLUMN analytics.daily_vehicles.mileage_count IS 'Logs that have the mileage: 0 means that no distance was measured';
COMMENT ON COLUMN analytics.daily_vehicles.fuel_sum IS 'Fuel burnt, litres';
COMMENT ON COLUMN analytics.daily_vehicles.fuel_count IS 'Logs that have the fuel burnt: the divisor of its mean';
COMMENT ON COLUMN analytics.daily_vehicles.mileage_with_fuel IS 'Distance over logs that have mileage and fuel, km';
COMMENT ON COLUMN analytics.daily_vehicles.fuel_with_mileage IS 'Fuel over logs that have mileage and fuel, litres';
COMMENT ON COLUMN analytics.daily_vehicles.shipments IS 'Shipments its logs carried';
COMMENT ON COLUMN analytics.daily_vehicles.cost_sum IS 'Sum of their costs (revenue), currency';
COMMENT ON COLUMN analytics.daily_vehicles.cost_count IS 'Those that have a cost: the divisor of its mean';
COMMENT ON COLUMN analytics.daily_vehicles.cost_with_mileage IS 'Sum of costs over shipments whose log has a mileage, currency';
COMMENT ON COLUMN analytics.daily_vehicles.mileage_with_cost IS 'Distance over logs that carried at least one shipment with a cost, km';
COMMENT ON COLUMN analytics.daily_vehicles.delivery_sum IS 'Sum of their delivery times, hours';
COMMENT ON COLUMN analytics.daily_vehicles.delivery_count IS 'Those that have a delivery time: the divisor of its mean';
