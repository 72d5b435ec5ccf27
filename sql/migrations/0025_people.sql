-- People who sign in, and their sessions: access.people, access.sessions, and a notification whenever a session ends.
-- One row per person of an identity provider, or of a trusted proxy; one per sign-in.
-- Written by the API when people sign in and out, and by `logistics people`.

CREATE TABLE IF NOT EXISTS access.people (
    person_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer       text NOT NULL CHECK (issuer <> '' AND length(issuer) <= 2000),
    subject      text NOT NULL CHECK (subject <> '' AND length(subject) <= 255),
    name         text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    email        text CHECK (email <> '' AND length(email) <= 320),
    groups       text[] NOT NULL DEFAULT '{}',
    zone         text CHECK (zone <> '' AND length(zone) <= 100),
    locale       text CHECK (locale <> '' AND length(locale) <= 35),
    added_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    signed_in_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at  timestamptz,
    UNIQUE (issuer, subject)
);
COMMENT ON TABLE access.people IS 'One row per person who has signed in, as the identity provider described them last';
COMMENT ON COLUMN access.people.issuer IS 'Who vouches for the person: address of the identity provider; proxy for a trusted proxy';
COMMENT ON COLUMN access.people.subject IS 'What the issuer calls the person, for good; names and addresses may change';
COMMENT ON COLUMN access.people.groups IS 'Groups of the person; the setting LOGISTICS_GROUP_ROLES makes roles of them';
COMMENT ON COLUMN access.people.zone IS 'Time zone, such as Europe/Berlin; NULL if the issuer says none';
COMMENT ON COLUMN access.people.locale IS 'Language, such as de-DE; NULL if the issuer says none';
COMMENT ON COLUMN access.people.signed_in_at IS 'When the person signed in last';
COMMENT ON COLUMN access.people.disabled_at IS 'Since when the person may not sign in; NULL while they may';

CREATE TABLE IF NOT EXISTS access.sessions (
    session_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id     bigint NOT NULL REFERENCES access.people ON DELETE CASCADE,
    digest        bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    method        text NOT NULL CHECK (method IN ('openid-connect', 'proxy')),
    state_digest  bytea UNIQUE CHECK (octet_length(state_digest) = 32),
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    idle_ends_at  timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    ended_at      timestamptz,
    ended_because text CHECK (ended_because <> '' AND length(ended_because) <= 200),
    CHECK ((ended_at IS NULL) = (ended_because IS NULL))
);
CREATE INDEX IF NOT EXISTS sessions_by_person ON access.sessions (person_id);
COMMENT ON TABLE access.sessions IS 'One row per session of a person. No token can be had from it: only what one is recognised by';
COMMENT ON COLUMN access.sessions.digest IS 'SHA-256 of the random token in the cookie; behind a trusted proxy, of what it says about the person';
COMMENT ON COLUMN access.sessions.method IS 'How the person signed in';
COMMENT ON COLUMN access.sessions.state_digest IS 'SHA-256 of the state of the sign-in, so that each makes one session at most; NULL behind a proxy';
COMMENT ON COLUMN access.sessions.seen_at IS 'When it was used last, to about a minute';
COMMENT ON COLUMN access.sessions.idle_ends_at IS 'When it ends if it is not used until then';
COMMENT ON COLUMN access.sessions.ends_at IS 'When it ends even if it is used';
COMMENT ON COLUMN access.sessions.ended_at IS 'When it was ended before that; NULL while it was not';

-- What the API's role can do. They run with the rights of their owner, so they name every object in full.
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
COMMENT ON FUNCTION access.sign_in IS 'Notes a person as described, and starts a session; outcome: started, disabled, or repeated for a sign-in that has made a session before';
REVOKE ALL ON FUNCTION access.sign_in FROM public;

CREATE OR REPLACE FUNCTION access.sign_out(session_digest bytea)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    UPDATE access.sessions
    SET ended_at = pg_catalog.clock_timestamp(), ended_because = 'signed out'
    WHERE digest = session_digest AND ended_at IS NULL
    RETURNING session_id
$$;
COMMENT ON FUNCTION access.sign_out IS 'Ends a session; NULL if there is none to end';
REVOKE ALL ON FUNCTION access.sign_out FROM public;

CREATE OR REPLACE FUNCTION access.extend_sessions(session_digests bytea[], idle interval)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    WITH extended AS (
        UPDATE access.sessions
        SET seen_at = pg_catalog.clock_timestamp(), idle_ends_at = pg_catalog.clock_timestamp() + idle
        WHERE digest = ANY(session_digests) AND ended_at IS NULL AND idle_ends_at > pg_catalog.clock_timestamp()
        RETURNING 1
    )
    SELECT count(*) FROM extended
$$;
COMMENT ON FUNCTION access.extend_sessions IS 'Notes that sessions were used; returns how many. One that has ended stays ended';
REVOKE ALL ON FUNCTION access.extend_sessions FROM public;

-- By trigger, so that a change made by hand is noticed as well. Not of every use: only of what changes who may do what.
CREATE OR REPLACE FUNCTION access.tell_of_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sessions;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION access.tell_of_sessions IS 'Tells every process of the API to look at its sessions again';
CREATE OR REPLACE TRIGGER tell_of_sessions AFTER UPDATE OF ended_at, ends_at OR DELETE OR TRUNCATE ON access.sessions
FOR EACH STATEMENT EXECUTE FUNCTION access.tell_of_sessions();
CREATE OR REPLACE TRIGGER tell_of_sessions AFTER UPDATE ON access.people
FOR EACH ROW
WHEN (
    old.disabled_at IS DISTINCT FROM new.disabled_at OR old.groups IS DISTINCT FROM new.groups
    OR old.name IS DISTINCT FROM new.name OR old.email IS DISTINCT FROM new.email
)
EXECUTE FUNCTION access.tell_of_sessions();
