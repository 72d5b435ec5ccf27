-- Makes raw.shipments and its indexes.
-- One row per shipment_id: the record that was registered last.
-- Filled by logistics_pipeline.loading.

CREATE TABLE IF NOT EXISTS raw.shipments (
    shipment_id   text COLLATE "C" PRIMARY KEY,
    origin        text COLLATE "C" NOT NULL,
    destination   text COLLATE "C" NOT NULL,
    weight        numeric,
    cost          numeric,
    delivery_time numeric,
    log_id        text COLLATE "C" NOT NULL,
    file_id       integer NOT NULL,
    record_no     bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS shipments_by_log ON raw.shipments (log_id);
-- Rows of one file lie together: a block range index finds them and costs COPY next to nothing.
CREATE INDEX IF NOT EXISTS shipments_by_file ON raw.shipments USING brin (file_id)
    WITH (pages_per_range = 32, autosummarize = on);

COMMENT ON TABLE raw.shipments IS 'Consignments, one row per shipment';
COMMENT ON COLUMN raw.shipments.weight IS 'Weight, kg';
COMMENT ON COLUMN raw.shipments.cost IS 'What the customer paid, in the currency of the feed';
COMMENT ON COLUMN raw.shipments.delivery_time IS 'From pick-up to delivery, hours';
COMMENT ON COLUMN raw.shipments.log_id IS 'The trip that carried it; may be unknown to raw.vehicle_logs so far';
COMMENT ON COLUMN raw.shipments.file_id IS 'The file (ingest.files) this row came from';
COMMENT ON COLUMN raw.shipments.record_no IS 'Its number in that file, from 1';
