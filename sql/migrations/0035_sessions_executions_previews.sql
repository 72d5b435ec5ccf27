-- access.sign_in anew: whom a trusted proxy describes otherwise than before has no session by the earlier description any
-- more. Such a session has the groups of the newest one, so it would keep those that the proxy takes away again.

CREATE OR REPLACE FUNCTION access.sign_in(
    by_issuer text, wanted_subject text, given_name text, given_email text, given_groups text[], given_zone text,
    given_locale text, session_digest bytea, by_method text, by_state_digest bytea, idle interval, longest interval
)
RETURNS TABLE (person_id bigint, outcome text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    person record;
    started bigint;
BEGIN
    INSERT INTO access.people AS known (issuer, subject, name, email, groups, zone, locale)
    VALUES (by_issuer, wanted_subject, given_name, given_email, given_groups, given_zone, given_locale)
    ON CONFLICT ON CONSTRAINT people_issuer_subject_key DO UPDATE
    SET name = excluded.name, email = excluded.email, groups = excluded.groups, zone = excluded.zone,
        locale = excluded.locale, signed_in_at = excluded.signed_in_at
    RETURNING known.person_id, known.disabled_at INTO person;
    IF person.disabled_at IS NOT NULL THEN
        RETURN QUERY SELECT person.person_id, 'disabled';
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM access.sessions AS other WHERE other.state_digest = by_state_digest) THEN
        RETURN QUERY SELECT person.person_id, 'repeated';
        RETURN;
    END IF;
    IF by_method = 'proxy' THEN
        UPDATE access.sessions AS other
        SET ended_at = pg_catalog.clock_timestamp(), ended_because = 'the proxy describes the person otherwise'
        WHERE other.person_id = person.person_id AND other.method = 'proxy' AND other.digest <> session_digest
            AND other.ended_at IS NULL;
    END IF;
    INSERT INTO access.sessions AS known (person_id, digest, method, state_digest, idle_ends_at, ends_at)
    VALUES (
        person.person_id, session_digest, by_method, by_state_digest, pg_catalog.clock_timestamp() + idle,
        pg_catalog.clock_timestamp() + longest
    )
    ON CONFLICT (digest) DO UPDATE
    SET started_at = excluded.started_at, seen_at = excluded.seen_at, idle_ends_at = excluded.idle_ends_at,
        ends_at = excluded.ends_at, ended_at = NULL, ended_because = NULL
    WHERE known.method = 'proxy' AND known.person_id = excluded.person_id
    RETURNING known.session_id INTO started;
    RETURN QUERY SELECT person.person_id, CASE WHEN started IS NULL THEN 'repeated' ELSE 'started' END;
EXCEPTION
    WHEN unique_violation THEN
        RETURN QUERY SELECT NULL::bigint, 'repeated';
END
$$;

-- Old executions of models are summed up: a row may stand for several.
ALTER TABLE models.executions ADD COLUMN IF NOT EXISTS executions bigint NOT NULL DEFAULT 1 CHECK (executions > 0);
COMMENT ON COLUMN models.executions.executions IS 'How many a row stands for: old ones are summed up';
CREATE INDEX IF NOT EXISTS predictions_by_execution ON models.predictions (execution_id);

-- Previews of reports: people ask for one, the worker makes it, and it is kept for a day.
CREATE TABLE IF NOT EXISTS notify.previews (
    preview_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    report       text NOT NULL,
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done', 'failed')),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by text NOT NULL CHECK (requested_by <> '' AND length(requested_by) <= 200),
    tries        integer NOT NULL DEFAULT 0,
    finished_at  timestamptz,
    title        text,
    content      bytea,
    problem      text
);
COMMENT ON TABLE notify.previews IS 'Reports as they would be sent now, for a day, the newest fifty: one row per request';
COMMENT ON COLUMN notify.previews.report IS 'Name of the report';
COMMENT ON COLUMN notify.previews.tries IS 'How often a worker began to make it';
COMMENT ON COLUMN notify.previews.content IS 'The page with its pictures and tables, as in notify.editions; NULL until it is done';
COMMENT ON COLUMN notify.previews.problem IS 'Why it could not be made, in a sentence';

CREATE OR REPLACE FUNCTION notify.request_preview(wanted_report text, requester text)
RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    new_preview uuid;
BEGIN
    DELETE FROM notify.previews
    WHERE requested_at < pg_catalog.now() - interval '1 day'
        OR preview_id NOT IN (SELECT preview_id FROM notify.previews ORDER BY requested_at DESC LIMIT 49);
    INSERT INTO notify.previews (report, requested_by)
    SELECT wanted_report, requester
    WHERE (SELECT count(*) FROM notify.previews WHERE state = 'queued') < 20
    RETURNING preview_id INTO new_preview;
    RETURN new_preview;
END
$$;
COMMENT ON FUNCTION notify.request_preview IS 'Asks a worker for a report as it would be sent now; returns the ID of the request, NULL if twenty wait';
REVOKE ALL ON FUNCTION notify.request_preview FROM public;
