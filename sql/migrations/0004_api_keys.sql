-- Lets programs and people be told apart at the API: access.keys, and a notification whenever it changes.
-- One row per key ever made; a key that was revoked stays, so that a name in an old log can still be looked up.
-- Written by logistics_pipeline.database.api_keys; read by the API.

CREATE SCHEMA access;

CREATE TABLE access.keys (
    key_id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                text NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9._@-]{0,63}$' AND name <> 'anonymous'),
    digest              bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    scopes              text[] NOT NULL
                        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'export', 'ingest']),
    requests_per_second real CHECK (requests_per_second > 0),
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at          timestamptz,
    revoked_at          timestamptz
);
CREATE UNIQUE INDEX one_key_in_force_per_name ON access.keys (name) WHERE revoked_at IS NULL;

COMMENT ON TABLE access.keys IS 'One row per key of the API. No key can be had from it: only what one is recognised by';
COMMENT ON COLUMN access.keys.name IS 'Who uses it: stands in the log of the API and in its metrics';
COMMENT ON COLUMN access.keys.digest IS 'SHA-256 of the key as it is sent. No slow hash: a key is 32 random bytes, which nobody can try';
COMMENT ON COLUMN access.keys.scopes IS 'read: figures, rows, events; export: /api/exports; ingest: uploads. None contains another';
COMMENT ON COLUMN access.keys.requests_per_second IS 'Limit of this key in each process of the API; NULL: the setting LOGISTICS_API_RATE';
COMMENT ON COLUMN access.keys.expires_at IS 'From when on it is refused; NULL: never';
COMMENT ON COLUMN access.keys.revoked_at IS 'Since when it is refused; NULL while it is in force';

-- By trigger, so that a change made by hand is noticed as well.
CREATE FUNCTION access.tell_of_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY api_keys;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION access.tell_of_keys IS 'Tells every process of the API to read the keys again';
CREATE TRIGGER tell_of_keys AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON access.keys
    FOR EACH STATEMENT EXECUTE FUNCTION access.tell_of_keys();
