-- Drops the index of raw.vehicle_logs by day alone: sql/raw/vehicle_logs.sql makes the one by day and vehicle.

DROP INDEX IF EXISTS raw.vehicle_logs_by_day;
