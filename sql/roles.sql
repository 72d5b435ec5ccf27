-- Makes the roles of the API: logistics_reader and what it may read, logistics_operator and what it may call.
-- Granted to whatever logins the API uses. The reader can change nothing. The operator calls functions that change one
-- thing each, and can neither read nor write a table.
-- Run by logistics_pipeline.migrations after every migration.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['logistics_reader', 'logistics_operator'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- Roles belong to the whole server: another database was migrated at this moment.
        END;
    END LOOP;
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
REVOKE SELECT ON notify.signing_keys, notify.push_keys, notify.push_subscriptions FROM logistics_reader;
GRANT SELECT (key_id, public_key) ON notify.push_keys TO logistics_reader;
GRANT SELECT (subscription_id, person_id, endpoint_id, digest, name, added_at)
ON notify.push_subscriptions TO logistics_reader;

GRANT USAGE ON SCHEMA ingest, access, catalogue, boards, source, identity, models, alert, notify
TO logistics_operator;
GRANT EXECUTE ON FUNCTION
ingest.request_file_action, ingest.log_upload, catalogue.request_contract_action,
boards.add_board, boards.change_board, boards.delete_board,
source.request_pull,
alert.act_on_incident, alert.add_silence, alert.end_silence,
alert.add_rule, alert.change_rule, alert.remove_rule, alert.request_trial,
alert.add_window, alert.end_window,
identity.make_link, identity.decide_proposal,
models.request_job, models.cancel_job,
access.sign_in, access.sign_out, access.extend_sessions,
notify.unsubscribe, notify.subscribe_again, notify.request_preview,
notify.request_template_preview, notify.restore_templates,
notify.set_preferences, notify.change_preferences, notify.subscribe_person_again, notify.mark_messages,
notify.add_push_subscription, notify.remove_push_subscription, notify.send_test
TO logistics_operator;

-- Until schema version 0026 the reader could call them.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA
ingest, access, catalogue, boards, source, identity, models, alert, notify
FROM logistics_reader;

-- It reads a link by a key that nobody else can read.
GRANT EXECUTE ON FUNCTION notify.read_link TO logistics_reader;
