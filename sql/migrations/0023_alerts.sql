-- Alerts: rules, what each has found of each of its subjects, incidents with their timeline, silences; and the worker's
-- heartbeats.

CREATE SCHEMA IF NOT EXISTS alert;
COMMENT ON SCHEMA alert IS 'Rules, incidents and silences';

CREATE TABLE IF NOT EXISTS alert.rules (
    name       text PRIMARY KEY,
    definition jsonb,
    version    integer NOT NULL DEFAULT 1,
    origin     text NOT NULL CHECK (origin IN ('built-in', 'file')),
    enabled    boolean NOT NULL DEFAULT true,
    problem    text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz
);
COMMENT ON TABLE alert.rules IS 'Rules of alerts: one row per name, the newest version';
COMMENT ON COLUMN alert.rules.definition IS 'The rule as it was read; NULL if no version of it could be used';
COMMENT ON COLUMN alert.rules.problem IS 'Why the newest text of it cannot be used, in a sentence; the version before stays in force';
COMMENT ON COLUMN alert.rules.removed_at IS 'When its text disappeared; NULL while it is in force';

CREATE TABLE IF NOT EXISTS alert.rule_versions (
    name       text NOT NULL,
    version    integer NOT NULL,
    definition jsonb NOT NULL,
    since      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, version)
);
COMMENT ON TABLE alert.rule_versions IS 'Every version that a rule ever had';

CREATE TABLE IF NOT EXISTS alert.evaluations (
    rule         text PRIMARY KEY,
    evaluated_at timestamptz NOT NULL,
    data_version bigint NOT NULL,
    subjects     integer NOT NULL,
    seconds      double precision NOT NULL,
    error        text
);
COMMENT ON TABLE alert.evaluations IS 'When each rule was evaluated last: one row per rule';
COMMENT ON COLUMN alert.evaluations.subjects IS 'How many subjects were looked at';
COMMENT ON COLUMN alert.evaluations.error IS 'Why the rule could not be evaluated at all, in a sentence';

CREATE TABLE IF NOT EXISTS alert.states (
    rule          text NOT NULL,
    labels        jsonb NOT NULL,
    state         text NOT NULL CHECK (state IN ('ok', 'pending', 'firing', 'recovering')),
    since         timestamptz NOT NULL,
    unknown_since timestamptz,
    unknown_fires boolean NOT NULL DEFAULT false,
    value         double precision,
    PRIMARY KEY (rule, labels)
);
COMMENT ON TABLE alert.states IS 'What rules have found: one row per rule and subject that is not simply all right';
COMMENT ON COLUMN alert.states.labels IS 'The subject, such as {"dataset": "shipments"}';
COMMENT ON COLUMN alert.states.since IS 'Since when it has been in this state';
COMMENT ON COLUMN alert.states.unknown_since IS 'Since when it could not be evaluated; NULL while it can';
COMMENT ON COLUMN alert.states.unknown_fires IS 'Whether that has become an incident';
COMMENT ON COLUMN alert.states.value IS 'The value at the last change';

CREATE TABLE IF NOT EXISTS alert.incidents (
    incident_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule            text NOT NULL,
    rule_version    integer NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('condition', 'unknown')),
    labels          jsonb NOT NULL,
    severity        text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    title           text NOT NULL,
    summary         text NOT NULL,
    facts           jsonb NOT NULL DEFAULT '[]',
    path            text,
    value           double precision,
    data_version    bigint NOT NULL,
    opened_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at       timestamptz,
    closed_because  text,
    announced_at    timestamptz,
    settled_at      timestamptz,
    held_because    text,
    acknowledged_at timestamptz,
    acknowledged_by text,
    assigned_to     text CHECK (length(assigned_to) <= 200),
    CHECK ((closed_at IS NULL) = (closed_because IS NULL)),
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
COMMENT ON TABLE alert.incidents IS 'What somebody should look at: opened once, closed once';
COMMENT ON COLUMN alert.incidents.kind IS 'condition: what the rule watches for; unknown: the rule could not be evaluated';
COMMENT ON COLUMN alert.incidents.facts IS 'Names and values, as [["name", "value"]], of the moment it was opened';
COMMENT ON COLUMN alert.incidents.path IS 'Where the dashboard shows its subject';
COMMENT ON COLUMN alert.incidents.data_version IS 'The figures that it was opened by';
COMMENT ON COLUMN alert.incidents.announced_at IS 'When a message about it was published; NULL while none was';
COMMENT ON COLUMN alert.incidents.settled_at IS 'Since when nothing of it is left to announce: its end was published, or its beginning never was';
COMMENT ON COLUMN alert.incidents.held_because IS 'Why none was, while that holds: a silence, another incident, the hour';
CREATE UNIQUE INDEX IF NOT EXISTS incidents_open ON alert.incidents (rule, labels, kind) WHERE closed_at IS NULL;
CREATE INDEX IF NOT EXISTS incidents_to_announce ON alert.incidents (rule) WHERE settled_at IS NULL;
CREATE INDEX IF NOT EXISTS incidents_by_time ON alert.incidents (opened_at DESC, incident_id DESC);

CREATE TABLE IF NOT EXISTS alert.events (
    incident_id bigint NOT NULL REFERENCES alert.incidents ON DELETE CASCADE,
    number      integer NOT NULL,
    kind        text NOT NULL CHECK (
        kind IN ('opened', 'announced', 'held', 'closed', 'acknowledged', 'assigned', 'commented')
    ),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    author      text NOT NULL CHECK (author <> '' AND length(author) <= 200),
    text        text NOT NULL CHECK (length(text) <= 4000),
    value       double precision,
    PRIMARY KEY (incident_id, number)
);
COMMENT ON TABLE alert.events IS 'The timeline of each incident; nothing of it is ever changed';
COMMENT ON COLUMN alert.events.author IS 'Name of the API key, of the login, or `worker`';

CREATE TABLE IF NOT EXISTS alert.silences (
    silence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule       text,
    labels     jsonb NOT NULL DEFAULT '{}',
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    author     text NOT NULL CHECK (author <> '' AND length(author) <= 200),
    reason     text NOT NULL CHECK (reason <> '' AND length(reason) <= 1000),
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz,
    ended_by   text,
    CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '366 days'),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
COMMENT ON TABLE alert.silences IS 'Times in which incidents are recorded and not announced';
COMMENT ON COLUMN alert.silences.rule IS 'The rule that is silent; NULL: all of them';
COMMENT ON COLUMN alert.silences.labels IS 'Subjects that are silent: those that have all of these labels';
COMMENT ON COLUMN alert.silences.ended_at IS 'When somebody ended it before its time';
CREATE INDEX IF NOT EXISTS silences_by_end ON alert.silences (ends_at) WHERE ended_at IS NULL;

CREATE TABLE IF NOT EXISTS alert.heartbeats (
    duty    text PRIMARY KEY,
    worker  text NOT NULL,
    at      timestamptz NOT NULL,
    problem text
);
COMMENT ON TABLE alert.heartbeats IS 'When a worker did its duty last: one row per duty';
COMMENT ON COLUMN alert.heartbeats.worker IS 'Host and process of it';
COMMENT ON COLUMN alert.heartbeats.problem IS 'Why the duty fails, in a sentence; NULL while it does not';

-- What the API's role can do. They run with the rights of their owner, so they name every object in full.
CREATE OR REPLACE FUNCTION alert.note(
    wanted_incident bigint, what text, requester text, words text, value_then double precision
)
RETURNS integer
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    INSERT INTO alert.events (incident_id, number, kind, author, text, value)
    SELECT wanted_incident, coalesce(max(number), 0) + 1, what, requester, words, value_then
    FROM alert.events
    WHERE incident_id = wanted_incident
    RETURNING number
$$;
COMMENT ON FUNCTION alert.note IS 'Adds to the timeline of an incident that the caller has locked; returns the number of the event';
REVOKE ALL ON FUNCTION alert.note FROM public;

CREATE OR REPLACE FUNCTION alert.act_on_incident(
    wanted_incident bigint, action text, requester text, words text, assignee text
)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    incident record;
BEGIN
    SELECT * INTO incident FROM alert.incidents WHERE incident_id = wanted_incident FOR UPDATE;
    IF NOT FOUND OR (SELECT count(*) FROM alert.events WHERE incident_id = wanted_incident) >= 1000 THEN
        RETURN false;
    END IF;
    IF action = 'acknowledge' AND incident.acknowledged_at IS NULL THEN
        UPDATE alert.incidents
        SET acknowledged_at = pg_catalog.clock_timestamp(), acknowledged_by = requester
        WHERE incident_id = wanted_incident;
        PERFORM alert.note(wanted_incident, 'acknowledged', requester, words, NULL);
    ELSIF action = 'assign' THEN
        UPDATE alert.incidents SET assigned_to = nullif(assignee, '') WHERE incident_id = wanted_incident;
        PERFORM alert.note(wanted_incident, 'assigned', requester, coalesce(nullif(assignee, ''), 'nobody'), NULL);
    ELSIF action = 'comment' THEN
        PERFORM alert.note(wanted_incident, 'commented', requester, words, NULL);
    END IF;
    PERFORM pg_catalog.pg_notify('alerts', '');
    RETURN true;
END
$$;
COMMENT ON FUNCTION alert.act_on_incident IS 'Acknowledges, assigns or comments on an incident; false if there is no such incident, or its timeline is full';
REVOKE ALL ON FUNCTION alert.act_on_incident FROM public;

CREATE OR REPLACE FUNCTION alert.add_silence(
    silent_rule text, silent_labels jsonb, from_time timestamptz, to_time timestamptz, requester text, why text
)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    INSERT INTO alert.silences (rule, labels, starts_at, ends_at, author, reason)
    SELECT silent_rule, silent_labels, from_time, to_time, requester, why
    WHERE (SELECT count(*) FROM alert.silences WHERE ends_at > pg_catalog.now() AND ended_at IS NULL) < 1000
    RETURNING silence_id
$$;
COMMENT ON FUNCTION alert.add_silence IS 'Makes a silence; returns its ID, NULL if a thousand are in force already';
REVOKE ALL ON FUNCTION alert.add_silence FROM public;

CREATE OR REPLACE FUNCTION alert.end_silence(wanted_silence bigint, requester text)
RETURNS boolean
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    UPDATE alert.silences
    SET ended_at = pg_catalog.clock_timestamp(), ended_by = requester
    WHERE silence_id = wanted_silence AND ended_at IS NULL AND ends_at > pg_catalog.clock_timestamp()
    RETURNING true
$$;
COMMENT ON FUNCTION alert.end_silence IS 'Ends a silence now; NULL if it has ended, or is none';
REVOKE ALL ON FUNCTION alert.end_silence FROM public;

ALTER TABLE access.keys DROP CONSTRAINT IF EXISTS keys_scopes_check;
ALTER TABLE access.keys ADD CONSTRAINT keys_scopes_check
CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'export', 'ingest', 'contracts', 'boards', 'alerts']);
COMMENT ON COLUMN access.keys.scopes IS 'read: figures, rows, events; export: /api/exports; ingest: uploads, proposals; contracts: decisions about contracts; boards: changes of boards; alerts: acknowledging incidents, silences. None contains another';

-- By trigger, so that a change made by hand is noticed as well.
CREATE OR REPLACE FUNCTION alert.tell_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('alerts', '');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION alert.tell_of_change IS 'Tells the worker and the API of a change of incidents or silences';
CREATE OR REPLACE TRIGGER tell_of_change AFTER INSERT OR UPDATE ON alert.incidents
FOR EACH ROW EXECUTE FUNCTION alert.tell_of_change();
CREATE OR REPLACE TRIGGER tell_of_change AFTER INSERT OR UPDATE ON alert.silences
FOR EACH ROW EXECUTE FUNCTION alert.tell_of_change();
