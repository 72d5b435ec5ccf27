-- Versions of the templates of endpoints: every one that was declared, and a way back to any of them.

CREATE TABLE IF NOT EXISTS notify.template_versions (
    endpoint_id    bigint NOT NULL REFERENCES notify.endpoints ON DELETE CASCADE,
    version        integer NOT NULL CHECK (version > 0),
    title_template text CHECK (title_template <> ''),
    text_template  text CHECK (text_template <> ''),
    restored_from  integer CHECK (restored_from < version),
    restored_by    text CHECK (restored_by <> '' AND length(restored_by) <= 200),
    made_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (endpoint_id, version),
    FOREIGN KEY (endpoint_id, restored_from) REFERENCES notify.template_versions,
    CHECK ((restored_from IS NULL) = (restored_by IS NULL))
);
COMMENT ON TABLE notify.template_versions IS 'Templates of endpoints: one row per version, never changed; the newest is in force';
COMMENT ON COLUMN notify.template_versions.title_template IS 'Title in Liquid; NULL: the title of the event';
COMMENT ON COLUMN notify.template_versions.text_template IS 'Text in Liquid; NULL: the text of the event';
COMMENT ON COLUMN notify.template_versions.restored_from IS 'The earlier version whose templates these are; NULL: the declaration has them';
COMMENT ON COLUMN notify.template_versions.restored_by IS 'Who went back to it';

INSERT INTO notify.template_versions (endpoint_id, version, title_template, text_template, made_at)
SELECT endpoint_id, 1, configuration ->> 'titleTemplate', configuration ->> 'textTemplate', declared_at
FROM notify.endpoints
WHERE configuration ?| ARRAY['titleTemplate', 'textTemplate']
ON CONFLICT DO NOTHING;

ALTER TABLE notify.attempts ADD COLUMN IF NOT EXISTS template_version integer;
COMMENT ON COLUMN notify.attempts.template_version IS 'Version of the templates of its endpoint that it was made with; NULL: none';

CREATE OR REPLACE FUNCTION notify.use_newest_templates(of_endpoint bigint)
RETURNS void
LANGUAGE sql
SET search_path = ''
AS $$
UPDATE notify.endpoints AS endpoint
SET configuration = (endpoint.configuration - ARRAY['titleTemplate', 'textTemplate'])
    || pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'titleTemplate', newest.title_template, 'textTemplate', newest.text_template
    ))
FROM (
    SELECT title_template, text_template
    FROM notify.template_versions
    WHERE endpoint_id = of_endpoint
    ORDER BY version DESC
    LIMIT 1
) AS newest
WHERE endpoint.endpoint_id = of_endpoint
$$;
COMMENT ON FUNCTION notify.use_newest_templates IS 'Sends messages to an endpoint with the newest version of its templates';
REVOKE ALL ON FUNCTION notify.use_newest_templates FROM public;

CREATE OR REPLACE FUNCTION notify.restore_templates(of_endpoint text, wanted integer, restorer text)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    found bigint;
    earlier record;
    newest record;
BEGIN
    SELECT endpoint_id INTO found
    FROM notify.endpoints
    WHERE name = of_endpoint AND removed_at IS NULL AND person_id IS NULL
    FOR UPDATE;
    SELECT version, title_template, text_template INTO earlier
    FROM notify.template_versions
    WHERE endpoint_id = found AND version = wanted;
    IF earlier.version IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT version, title_template, text_template INTO newest
    FROM notify.template_versions
    WHERE endpoint_id = found
    ORDER BY version DESC
    LIMIT 1;
    IF (newest.title_template, newest.text_template)
        IS NOT DISTINCT FROM (earlier.title_template, earlier.text_template) THEN
        RETURN newest.version;
    END IF;
    INSERT INTO notify.template_versions (
        endpoint_id, version, title_template, text_template, restored_from, restored_by
    ) VALUES (found, newest.version + 1, earlier.title_template, earlier.text_template, wanted, restorer);
    PERFORM notify.use_newest_templates(found);
    PERFORM access.add_entry(
        'endpoint_templates', of_endpoint || '/' || newest.version + 1, 'restored',
        pg_catalog.to_jsonb(newest), pg_catalog.to_jsonb(earlier)
    );
    RETURN newest.version + 1;
END
$$;
COMMENT ON FUNCTION notify.restore_templates IS 'Makes a new version of the templates of an endpoint from an earlier one; returns the version in force, NULL if there is no such version';
REVOKE ALL ON FUNCTION notify.restore_templates FROM public;
