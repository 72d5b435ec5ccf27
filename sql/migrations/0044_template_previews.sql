-- Previews of templates: people ask what an event looks like to an endpoint, a worker shows it, and it is kept for a day.

CREATE TABLE IF NOT EXISTS notify.template_previews (
    preview_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    endpoint     text NOT NULL,
    version      integer,
    message_id   bigint,
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done', 'failed')),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by text NOT NULL CHECK (requested_by <> '' AND length(requested_by) <= 200),
    tries        integer NOT NULL DEFAULT 0,
    finished_at  timestamptz,
    title        text,
    text         text,
    problem      text
);
COMMENT ON TABLE notify.template_previews IS 'Events as an endpoint would be told of them, for a day, the newest fifty: one row per request';
COMMENT ON COLUMN notify.template_previews.endpoint IS 'Name of the endpoint';
COMMENT ON COLUMN notify.template_previews.version IS 'Version of its templates; NULL: it never had any';
COMMENT ON COLUMN notify.template_previews.message_id IS 'The message whose event is shown; NULL: the newest event';
COMMENT ON COLUMN notify.template_previews.tries IS 'How often a worker began to make it';
COMMENT ON COLUMN notify.template_previews.title IS 'The subject of the message; NULL until it is done';
COMMENT ON COLUMN notify.template_previews.text IS 'The whole message; NULL until it is done';
COMMENT ON COLUMN notify.template_previews.problem IS 'Why it could not be made, or why templates were left out, in sentences';

CREATE OR REPLACE FUNCTION notify.request_template_preview(
    of_endpoint text, wanted integer, of_message bigint, requester text
)
RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    new_preview uuid;
BEGIN
    DELETE FROM notify.template_previews
    WHERE requested_at < pg_catalog.now() - interval '1 day'
        OR preview_id NOT IN (SELECT preview_id FROM notify.template_previews ORDER BY requested_at DESC LIMIT 49);
    INSERT INTO notify.template_previews (endpoint, version, message_id, requested_by)
    SELECT of_endpoint, coalesce(wanted, max(known.version)), of_message, requester
    FROM notify.template_versions AS known
    INNER JOIN notify.endpoints AS endpoint ON known.endpoint_id = endpoint.endpoint_id
    WHERE endpoint.name = of_endpoint AND endpoint.removed_at IS NULL AND endpoint.person_id IS NULL
    HAVING (SELECT count(*) FROM notify.template_previews WHERE state = 'queued') < 20
    RETURNING preview_id INTO new_preview;
    IF new_preview IS NOT NULL THEN
        PERFORM pg_catalog.pg_notify('messages', '0');
    END IF;
    RETURN new_preview;
END
$$;
COMMENT ON FUNCTION notify.request_template_preview IS 'Asks a worker what an event looks like to an endpoint; returns the ID of the request, NULL if twenty wait';
REVOKE ALL ON FUNCTION notify.request_template_preview FROM public;
