-- Makes raw.vehicles.
-- One row per vehicle_id: the record that was registered last.
-- Filled by logistics_pipeline.loading.

CREATE TABLE IF NOT EXISTS raw.vehicles (
    vehicle_id    text COLLATE "C" PRIMARY KEY,
    name          text,
    total_mileage numeric,
    file_id       integer NOT NULL,
    record_no     bigint NOT NULL
);

COMMENT ON TABLE raw.vehicles IS 'Master data of the fleet, one row per vehicle';
COMMENT ON COLUMN raw.vehicles.total_mileage IS 'Distance driven in its lifetime, km';
COMMENT ON COLUMN raw.vehicles.file_id IS 'The file (ingest.files) this row came from';
COMMENT ON COLUMN raw.vehicles.record_no IS 'Its number in that file, from 1';
