-- Makes raw.vehicle_logs and its indexes.
-- One row per log_id: the record that was registered last.
-- Filled by logistics_pipeline.loading.

CREATE TABLE IF NOT EXISTS raw.vehicle_logs (
    log_id     text COLLATE "C" PRIMARY KEY,
    vehicle_id text COLLATE "C" NOT NULL,
    trip_date  date NOT NULL,
    mileage    numeric,
    fuel_used  numeric,
    file_id    integer NOT NULL,
    record_no  bigint NOT NULL
);
-- Finds the logs of a day, and those of one vehicle in a range, newest first too. By day first: a file's rows lie
-- together in it, whereas by vehicle first COPY would cost half as much again.
CREATE INDEX IF NOT EXISTS vehicle_logs_by_day_and_vehicle ON raw.vehicle_logs (trip_date, vehicle_id);

COMMENT ON TABLE raw.vehicle_logs IS 'Trips, one row per log';
COMMENT ON COLUMN raw.vehicle_logs.vehicle_id IS 'The vehicle that drove; may be unknown to raw.vehicles so far';
COMMENT ON COLUMN raw.vehicle_logs.mileage IS 'Distance driven, km';
COMMENT ON COLUMN raw.vehicle_logs.fuel_used IS 'Fuel burnt, litres';
COMMENT ON COLUMN raw.vehicle_logs.file_id IS 'The file (ingest.files) this row came from';
COMMENT ON COLUMN raw.vehicle_logs.record_no IS 'Its number in that file, from 1';
