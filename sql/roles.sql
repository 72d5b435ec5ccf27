-- Makes the role logistics_reader and what it may read.
-- Granted to whatever login the API uses. It can change nothing, and write nothing but requests to the pipeline and boards.
-- Run by logistics_pipeline.migrations after every migration.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'logistics_reader') THEN
        CREATE ROLE logistics_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;  -- Roles belong to the whole server: another database was migrated at this moment.
END
$$;

GRANT USAGE ON SCHEMA
ingest, raw, history, analytics, access, catalogue, rollups, boards, source, forecast, identity, models,
alert, notify
TO logistics_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA
ingest, raw, history, analytics, access, catalogue, rollups, boards, source, forecast, identity, models,
alert, notify
TO logistics_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA
ingest, raw, history, analytics, access, catalogue, rollups, boards, source, forecast, identity, models,
alert, notify
GRANT SELECT ON TABLES TO logistics_reader;
GRANT EXECUTE ON FUNCTION ingest.request_file_action, catalogue.request_contract_action TO logistics_reader;
GRANT EXECUTE ON FUNCTION boards.add_board, boards.change_board, boards.delete_board TO logistics_reader;
GRANT EXECUTE ON FUNCTION source.request_pull TO logistics_reader;
GRANT EXECUTE ON FUNCTION alert.act_on_incident, alert.add_silence, alert.end_silence TO logistics_reader;
GRANT EXECUTE ON FUNCTION identity.make_link, identity.decide_proposal TO logistics_reader;
GRANT EXECUTE ON FUNCTION models.request_job, models.cancel_job TO logistics_reader;
