-- Rules of alerts that people make through the API: who wrote which version, and what a rule would have done; and
-- maintenance windows, silences that come again, and charts of incidents.

ALTER TABLE alert.rules ADD COLUMN IF NOT EXISTS changed_by text CHECK (changed_by <> '' AND length(changed_by) <= 200);
COMMENT ON COLUMN alert.rules.changed_by IS 'Who changed it through the API; NULL if it is a file, or built in';
ALTER TABLE alert.rules DROP CONSTRAINT IF EXISTS rules_origin_check;
ALTER TABLE alert.rules ADD CONSTRAINT rules_origin_check CHECK (origin IN ('built-in', 'file', 'api'));
ALTER TABLE alert.rule_versions ADD COLUMN IF NOT EXISTS author text CHECK (author <> '' AND length(author) <= 200);
COMMENT ON COLUMN alert.rule_versions.author IS 'Who wrote it through the API; NULL if it was a file, or built in';

CREATE OR REPLACE FUNCTION alert.add_rule(rule_name text, new_definition jsonb, requester text)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    new_version integer;
BEGIN
    LOCK TABLE alert.rules IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM alert.rules WHERE name = rule_name AND removed_at IS NULL) THEN
        RETURN NULL;
    END IF;
    IF (SELECT count(*) FROM alert.rules WHERE removed_at IS NULL) >= 1000
        OR (SELECT count(*) FROM alert.rules) >= 10000 THEN
        RETURN 0;
    END IF;
    INSERT INTO alert.rules AS known (name, definition, origin, enabled, changed_by)
    VALUES (rule_name, new_definition, 'api', coalesce((new_definition ->> 'enabled')::boolean, true), requester)
    ON CONFLICT (name) DO UPDATE
    SET definition = excluded.definition, version = known.version + 1, origin = excluded.origin,
        enabled = excluded.enabled, problem = NULL, changed_by = excluded.changed_by,
        changed_at = pg_catalog.clock_timestamp(), removed_at = NULL
    RETURNING version INTO new_version;
    INSERT INTO alert.rule_versions (name, version, definition, author)
    VALUES (rule_name, new_version, new_definition, requester);
    PERFORM pg_catalog.pg_notify('alerts', '');
    RETURN new_version;
END
$$;
COMMENT ON FUNCTION alert.add_rule IS 'Makes a rule; returns its version, NULL if there is one of that name, 0 if there are a thousand';
REVOKE ALL ON FUNCTION alert.add_rule FROM public;

CREATE OR REPLACE FUNCTION alert.change_rule(
    rule_name text, known_version integer, new_definition jsonb, new_origin text, requester text
)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    new_version integer;
BEGIN
    UPDATE alert.rules
    SET definition = new_definition, version = version + 1, origin = new_origin,
        enabled = coalesce((new_definition ->> 'enabled')::boolean, true), changed_by = requester,
        changed_at = pg_catalog.clock_timestamp()
    WHERE name = rule_name AND version = known_version AND origin <> 'file' AND new_origin <> 'file'
        AND removed_at IS NULL
    RETURNING version INTO new_version;
    IF new_version IS NOT NULL THEN
        INSERT INTO alert.rule_versions (name, version, definition, author)
        VALUES (rule_name, new_version, new_definition, requester);
        PERFORM pg_catalog.pg_notify('alerts', '');
    END IF;
    RETURN new_version;
END
$$;
COMMENT ON FUNCTION alert.change_rule IS 'Changes a rule that is no file; returns its new version, NULL if it has not the known version any more';
REVOKE ALL ON FUNCTION alert.change_rule FROM public;

CREATE OR REPLACE FUNCTION alert.remove_rule(rule_name text, known_version integer, requester text)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    UPDATE alert.rules
    SET removed_at = pg_catalog.clock_timestamp(), changed_at = pg_catalog.clock_timestamp(), changed_by = requester
    WHERE name = rule_name AND version = known_version AND origin = 'api' AND removed_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM pg_catalog.pg_notify('alerts', '');
    RETURN known_version;
END
$$;
COMMENT ON FUNCTION alert.remove_rule IS 'Removes a rule that was made through the API; returns its version, NULL if it has not the known version any more';
REVOKE ALL ON FUNCTION alert.remove_rule FROM public;

CREATE TABLE IF NOT EXISTS alert.trials (
    trial_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name         text NOT NULL,
    definition   jsonb NOT NULL,
    days         integer NOT NULL CHECK (days BETWEEN 1 AND 1100),
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by text NOT NULL CHECK (requested_by <> '' AND length(requested_by) <= 200),
    attempts     integer NOT NULL DEFAULT 0,
    lease_until  timestamptz,
    finished_at  timestamptz,
    result       jsonb,
    error        text
);
COMMENT ON TABLE alert.trials IS 'Rules that people try against the past, for a day: one row per request';
COMMENT ON COLUMN alert.trials.days IS 'How many days back';
COMMENT ON COLUMN alert.trials.lease_until IS 'Until when the worker that serves it is waited for';
COMMENT ON COLUMN alert.trials.result IS 'Days, and times in which the rule would have fired';
COMMENT ON COLUMN alert.trials.error IS 'Why it could not be tried, in a sentence';
CREATE INDEX IF NOT EXISTS trials_waiting ON alert.trials (requested_at) WHERE state IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS trials_by_time ON alert.trials (requested_at);

CREATE OR REPLACE FUNCTION alert.request_trial(
    rule_name text, rule_definition jsonb, days_back integer, requester text
)
RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    new_trial uuid;
BEGIN
    DELETE FROM alert.trials WHERE requested_at < pg_catalog.now() - interval '1 day';
    INSERT INTO alert.trials (name, definition, days, requested_by)
    SELECT rule_name, rule_definition, days_back, requester
    WHERE (SELECT count(*) FROM alert.trials WHERE state IN ('queued', 'running')) < 1000
        AND (SELECT count(*) FROM alert.trials) < 10000
    RETURNING trial_id INTO new_trial;
    IF new_trial IS NOT NULL THEN
        PERFORM pg_catalog.pg_notify('alert_trials', new_trial::text);
    END IF;
    RETURN new_trial;
END
$$;
COMMENT ON FUNCTION alert.request_trial IS 'Asks a worker to try a rule; returns the ID of the request, NULL if a thousand wait, or ten thousand were made within a day';
REVOKE ALL ON FUNCTION alert.request_trial FROM public;

ALTER TABLE alert.incidents ADD COLUMN IF NOT EXISTS chart jsonb;
COMMENT ON COLUMN alert.incidents.chart IS 'The values of its subject until it was opened: {watch, when, data_version, days: [{day, value}]}; NULL if none were looked up';
CREATE INDEX IF NOT EXISTS incidents_without_chart ON alert.incidents (opened_at)
WHERE chart IS NULL AND kind = 'condition';

CREATE TABLE IF NOT EXISTS alert.windows (
    window_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule      text,
    labels    jsonb NOT NULL DEFAULT '{}',
    hours     jsonb NOT NULL,
    ends_at   timestamptz NOT NULL,
    author    text NOT NULL CHECK (author <> '' AND length(author) <= 200),
    reason    text NOT NULL CHECK (reason <> '' AND length(reason) <= 1000),
    made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at  timestamptz,
    ended_by  text,
    CHECK (ends_at <= made_at + interval '366 days'),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
COMMENT ON TABLE alert.windows IS 'Maintenance windows: hours that come again in which incidents are recorded and not announced';
COMMENT ON COLUMN alert.windows.rule IS 'The rule that is silent; NULL: all of them';
COMMENT ON COLUMN alert.windows.labels IS 'Subjects that are silent: those that have all of these labels';
COMMENT ON COLUMN alert.windows.hours IS 'When, as in the key `active` of rules: days, from, to, timeZone';
COMMENT ON COLUMN alert.windows.ends_at IS 'After which it does not come again';
COMMENT ON COLUMN alert.windows.ended_at IS 'When somebody ended it before its time';
CREATE INDEX IF NOT EXISTS windows_by_end ON alert.windows (ends_at) WHERE ended_at IS NULL;
CREATE OR REPLACE TRIGGER tell_of_change AFTER INSERT OR UPDATE ON alert.windows
FOR EACH ROW EXECUTE FUNCTION alert.tell_of_change();

CREATE OR REPLACE FUNCTION alert.add_window(
    silent_rule text, silent_labels jsonb, silent_hours jsonb, to_time timestamptz, requester text, why text
)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    INSERT INTO alert.windows (rule, labels, hours, ends_at, author, reason)
    SELECT silent_rule, silent_labels, silent_hours, to_time, requester, why
    WHERE (SELECT count(*) FROM alert.windows WHERE ends_at > pg_catalog.now() AND ended_at IS NULL) < 1000
    RETURNING window_id
$$;
COMMENT ON FUNCTION alert.add_window IS 'Makes a maintenance window; returns its ID, NULL if there are a thousand already';
REVOKE ALL ON FUNCTION alert.add_window FROM public;

CREATE OR REPLACE FUNCTION alert.end_window(wanted_window bigint, requester text)
RETURNS boolean
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    UPDATE alert.windows
    SET ended_at = pg_catalog.clock_timestamp(), ended_by = requester
    WHERE window_id = wanted_window AND ended_at IS NULL AND ends_at > pg_catalog.clock_timestamp()
    RETURNING true
$$;
COMMENT ON FUNCTION alert.end_window IS 'Ends a maintenance window now; NULL if it has ended, or is none';
REVOKE ALL ON FUNCTION alert.end_window FROM public;
