-- Languages of messages: what each person and each declared endpoint reads, and texts as patterns with what stands in
-- them, so that they can be told in other languages than English.

ALTER TABLE notify.endpoints ADD COLUMN IF NOT EXISTS language text NOT NULL DEFAULT 'en'
CHECK (language ~ '^[a-z]{2,3}$');
COMMENT ON COLUMN notify.endpoints.language IS 'ISO 639 code of the language of its messages; what has no translation is in English';
ALTER TABLE notify.preferences ADD COLUMN IF NOT EXISTS language text CHECK (language ~ '^[a-z]{2,3}$');
COMMENT ON COLUMN notify.preferences.language IS 'ISO 639 code; NULL: the language that the identity provider names, or English';
ALTER TABLE notify.events ADD COLUMN IF NOT EXISTS words jsonb;
COMMENT ON COLUMN notify.events.words IS 'Title, text and facts as patterns with arguments, for other languages; NULL: they are told as they are';
ALTER TABLE alert.incidents ADD COLUMN IF NOT EXISTS words jsonb;
COMMENT ON COLUMN alert.incidents.words IS 'Title, summary, facts and closed_because as patterns with arguments, as in notify.events';

CREATE OR REPLACE FUNCTION notify.language_of(chosen text, locale text)
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT coalesce(chosen, substring(lower(locale) FROM '^([a-z]{2,3})(?:[-_]|$)'), 'en')
$$;
COMMENT ON FUNCTION notify.language_of IS 'The language that somebody chose, else that of a locale such as de-DE, else English';

-- As in 0033, with languages.
CREATE OR REPLACE FUNCTION notify.follow_preferences(wanted bigint)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    kept text[];
BEGIN
    UPDATE notify.endpoints AS endpoint
    SET failures = 0, failing_since = NULL, paused_until = NULL, disabled_at = NULL, disabled_reason = NULL
    FROM access.people AS person
    WHERE endpoint.person_id = wanted AND person.person_id = wanted AND endpoint.channel = 'email'
        AND endpoint.recipients <> ARRAY[person.email];
    WITH wishes AS (
        SELECT person.person_id, person.email, choice.channel, choice.wish, preferences.quiet_from,
            preferences.quiet_until, coalesce(preferences.time_zone, person.zone, 'UTC') AS time_zone,
            notify.language_of(preferences.language, person.locale) AS language
        FROM notify.preferences
        INNER JOIN access.people AS person ON person.person_id = preferences.person_id
        CROSS JOIN LATERAL jsonb_each(preferences.channels) AS choice (channel, wish)
        WHERE preferences.person_id = wanted AND person.disabled_at IS NULL
    ),
    endpoints AS (
        INSERT INTO notify.endpoints AS endpoint (
            name, title, channel, person_id, recipients, time_zone, language, quiet_from, quiet_until, digest,
            digest_at, per_hour
        )
        SELECT concat_ws(':', 'person', wanted, channel, subscription.subscription_id), 'My notifications', channel,
            wanted, CASE WHEN channel = 'email' THEN ARRAY[email] ELSE '{}' END, time_zone, language, quiet_from,
            quiet_until,
            wish ->> 'digest', coalesce(wish ->> 'digest_at', '08:00')::time,
            CASE WHEN channel <> 'inbox' THEN 20 END
        FROM wishes
        LEFT JOIN notify.push_subscriptions AS subscription
            ON wishes.channel = 'push' AND subscription.person_id = wanted
        WHERE channel = 'inbox' OR (channel = 'email' AND email IS NOT NULL) OR subscription.subscription_id IS NOT NULL
        ON CONFLICT (name) DO UPDATE
        SET recipients = excluded.recipients, time_zone = excluded.time_zone, language = excluded.language,
            quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, digest = excluded.digest,
            digest_at = excluded.digest_at,
            removed_at = NULL
        RETURNING endpoint.name
    )
    SELECT coalesce(array_agg(name), '{}') INTO kept FROM endpoints;
    UPDATE notify.push_subscriptions AS subscription
    SET endpoint_id = endpoint.endpoint_id
    FROM notify.endpoints AS endpoint
    WHERE subscription.person_id = wanted
        AND endpoint.name = concat_ws(':', 'person', wanted, 'push', subscription.subscription_id);
    DELETE FROM notify.subscriptions AS subscription
    USING notify.endpoints AS endpoint
    WHERE endpoint.endpoint_id = subscription.endpoint_id AND endpoint.person_id = wanted;
    INSERT INTO notify.subscriptions (endpoint_id, topic, severity)
    SELECT DISTINCT endpoint.endpoint_id, topic, preferences.channels -> endpoint.channel ->> 'severity'
    FROM notify.endpoints AS endpoint
    INNER JOIN notify.preferences ON preferences.person_id = endpoint.person_id
    CROSS JOIN LATERAL jsonb_array_elements_text(preferences.channels -> endpoint.channel -> 'topics') AS topic
    WHERE endpoint.person_id = wanted AND endpoint.name = ANY(kept);
    UPDATE notify.endpoints
    SET removed_at = pg_catalog.clock_timestamp()
    WHERE person_id = wanted AND removed_at IS NULL AND name <> ALL(kept);
    UPDATE notify.messages AS message
    SET state = 'suppressed', due_at = NULL, is_quiet = false, lease = NULL, locked_until = NULL,
        ended_at = pg_catalog.clock_timestamp(), reason = CASE
            WHEN endpoint.removed_at IS NOT NULL THEN 'The person has switched this off, or may not sign in any more.'
            ELSE 'The person has another address by now.'
        END
    FROM notify.endpoints AS endpoint
    WHERE message.endpoint_id = endpoint.endpoint_id AND endpoint.person_id = wanted
        AND message.state IN ('waiting', 'held')
        AND (
            endpoint.removed_at IS NOT NULL
            OR (endpoint.channel = 'email' AND message.recipient <> ALL(endpoint.recipients))
        );
END
$$;

CREATE OR REPLACE TRIGGER follow AFTER UPDATE ON access.people
FOR EACH ROW WHEN (
    NOT models.is_restoring()
    AND (old.email, old.zone, old.locale, old.disabled_at)
        IS DISTINCT FROM (new.email, new.zone, new.locale, new.disabled_at)
)
EXECUTE FUNCTION notify.follow();
UPDATE notify.endpoints AS endpoint
SET language = notify.language_of(preferences.language, person.locale)
FROM access.people AS person
INNER JOIN notify.preferences ON preferences.person_id = person.person_id
WHERE endpoint.person_id = person.person_id
    AND endpoint.language <> notify.language_of(preferences.language, person.locale);

CREATE OR REPLACE FUNCTION notify.set_preferences(
    wanted bigint, known_version integer, zone text, wanted_language text, from_time time, until_time time,
    choices jsonb
)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    changed integer;
BEGIN
    UPDATE notify.preferences
    SET version = version + 1, time_zone = zone, language = wanted_language, quiet_from = from_time,
        quiet_until = until_time, channels = choices, changed_at = pg_catalog.clock_timestamp()
    WHERE person_id = wanted AND version = known_version
    RETURNING version INTO changed;
    IF FOUND THEN  -- what was given up is tried again, but for browsers that have gone
        UPDATE notify.endpoints
        SET failures = 0, failing_since = NULL, paused_until = NULL, disabled_at = NULL, disabled_reason = NULL
        WHERE person_id = wanted AND channel <> 'push';
    END IF;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION notify.set_preferences IS 'Changes what a person wants, their language included; returns the new version, NULL if they do not have the known one any more';
REVOKE ALL ON FUNCTION notify.set_preferences FROM public;

-- Versions of the API without languages call this one, which leaves the language as it is.
CREATE OR REPLACE FUNCTION notify.change_preferences(
    wanted bigint, known_version integer, zone text, from_time time, until_time time, choices jsonb
)
RETURNS integer
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    SELECT notify.set_preferences(
        wanted, known_version, zone, (SELECT language FROM notify.preferences WHERE person_id = wanted), from_time,
        until_time, choices
    )
$$;
