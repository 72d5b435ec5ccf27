-- Makes analytics.days.
-- One row per day with at least one log.
-- Filled by days.refresh.sql.

CREATE TABLE analytics.days (
    day               date PRIMARY KEY,
    vehicles          bigint NOT NULL,
    trips             bigint NOT NULL,
    mileage_sum       numeric NOT NULL,
    mileage_count     bigint NOT NULL,
    fuel_sum          numeric NOT NULL,
    fuel_count        bigint NOT NULL,
    mileage_with_fuel numeric NOT NULL,
    fuel_with_mileage numeric NOT NULL,
    cost_with_mileage numeric NOT NULL,
    mileage_with_cost numeric NOT NULL,
    shipments         bigint NOT NULL,
    cost_sum          numeric NOT NULL,
    cost_count        bigint NOT NULL,
    weight_sum        numeric NOT NULL,
    weight_count      bigint NOT NULL,
    delivery_sum      numeric NOT NULL,
    delivery_count    bigint NOT NULL,
    cost_with_weight  numeric NOT NULL,
    weight_with_cost  numeric NOT NULL,
    cost_with_time    numeric NOT NULL,
    time_with_cost    numeric NOT NULL,
    vehicle_set       bit varying NOT NULL,
    carrier_set       bit varying NOT NULL
);

COMMENT ON TABLE analytics.days IS 'Trips and shipments per day, of all vehicles and routes together';
COMMENT ON COLUMN analytics.days.day IS 'The trip_date of the logs';
COMMENT ON COLUMN analytics.days.vehicles IS 'Vehicles with at least one log on that day; those of several days are not a sum, see vehicle_set';
COMMENT ON COLUMN analytics.days.trips IS 'Logs of that day';
COMMENT ON COLUMN analytics.days.mileage_sum IS 'Distance driven, km';
COMMENT ON COLUMN analytics.days.mileage_count IS 'Logs that have the mileage: 0 means that no distance was measured';
COMMENT ON COLUMN analytics.days.fuel_sum IS 'Fuel burnt, litres';
COMMENT ON COLUMN analytics.days.fuel_count IS 'Logs that have the fuel burnt: the divisor of its mean';
COMMENT ON COLUMN analytics.days.mileage_with_fuel IS 'Distance over logs that have mileage and fuel, km';
COMMENT ON COLUMN analytics.days.fuel_with_mileage IS 'Fuel over logs that have mileage and fuel, litres';
COMMENT ON COLUMN analytics.days.cost_with_mileage IS 'Sum of costs over shipments whose log has a mileage, currency';
COMMENT ON COLUMN analytics.days.mileage_with_cost IS 'Distance over logs that carried at least one shipment with a cost, km';
COMMENT ON COLUMN analytics.days.shipments IS 'Shipments carried by the logs of that day';
COMMENT ON COLUMN analytics.days.cost_sum IS 'Sum of their costs (revenue), currency';
COMMENT ON COLUMN analytics.days.cost_count IS 'Those that have a cost: the divisor of its mean';
COMMENT ON COLUMN analytics.days.weight_sum IS 'Sum of their weights, kg';
COMMENT ON COLUMN analytics.days.weight_count IS 'Those that have a weight: the divisor of its mean';
COMMENT ON COLUMN analytics.days.delivery_sum IS 'Sum of their delivery times, hours';
COMMENT ON COLUMN analytics.days.delivery_count IS 'Those that have a delivery time: the divisor of its mean';
COMMENT ON COLUMN analytics.days.cost_with_weight IS 'Sum of costs over shipments that have cost and weight, currency';
COMMENT ON COLUMN analytics.days.weight_with_cost IS 'Sum of weights over shipments that have cost and weight, kg';
COMMENT ON COLUMN analytics.days.cost_with_time IS 'Sum of costs over shipments that have cost and delivery time, currency';
COMMENT ON COLUMN analytics.days.time_with_cost IS 'Sum of delivery times over shipments that have cost and delivery time, hours';
COMMENT ON COLUMN analytics.days.vehicle_set IS 'Vehicles with at least one log: bit n from the left, from 0, is the vehicle with number n in analytics.vehicle_numbers; ends with the last one that is set';
COMMENT ON COLUMN analytics.days.carrier_set IS 'Vehicles whose logs carried at least one shipment, as in vehicle_set; empty where there is none';
