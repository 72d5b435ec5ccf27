-- Notifications of people's own: what each person has chosen, and the browsers that show them. What they chose becomes
-- endpoints (0024) that belong to a person, so that everything that holds for endpoints holds for theirs.

ALTER TABLE notify.endpoints DROP CONSTRAINT IF EXISTS endpoints_channel_check;
ALTER TABLE notify.endpoints ADD CONSTRAINT endpoints_channel_check
CHECK (channel IN ('webhook', 'email', 'slack', 'teams', 'discord', 'telegram', 'inbox', 'apprise', 'push'));
ALTER TABLE notify.endpoints ADD COLUMN IF NOT EXISTS person_id bigint REFERENCES access.people ON DELETE CASCADE;
ALTER TABLE notify.endpoints DROP CONSTRAINT IF EXISTS endpoints_of_people_check;
ALTER TABLE notify.endpoints ADD CONSTRAINT endpoints_of_people_check
CHECK (CASE WHEN person_id IS NULL THEN channel <> 'push' ELSE channel IN ('inbox', 'email', 'push') END);
CREATE INDEX IF NOT EXISTS endpoints_by_person ON notify.endpoints (person_id) WHERE person_id IS NOT NULL;
COMMENT ON COLUMN notify.endpoints.person_id IS 'Whose own it is; NULL: it is declared in notifications.yaml';

ALTER TABLE notify.events ADD COLUMN IF NOT EXISTS person_id bigint REFERENCES access.people ON DELETE CASCADE;
COMMENT ON COLUMN notify.events.person_id IS 'Whom alone it is for, such as a test; NULL: everybody who may see all rows';

ALTER TABLE notify.messages ADD COLUMN IF NOT EXISTS read_at timestamptz;
CREATE INDEX IF NOT EXISTS messages_of_inboxes ON notify.messages (endpoint_id, message_id) WHERE channel = 'inbox';
COMMENT ON COLUMN notify.messages.read_at IS 'Of the inbox of a person: when they have read it, or said so; NULL: unread';

CREATE TABLE IF NOT EXISTS notify.shared_settings (
    settings_id integer PRIMARY KEY DEFAULT 1 CHECK (settings_id = 1),
    settings    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object')
);
COMMENT ON TABLE notify.shared_settings IS 'What notifications.yaml says for all endpoints, which those of people are sent with: one row';
COMMENT ON COLUMN notify.shared_settings.settings IS 'Its keys dashboard, mail and push, with references to secrets and never their values';
INSERT INTO notify.shared_settings DEFAULT VALUES ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS notify.preferences (
    person_id   bigint PRIMARY KEY REFERENCES access.people ON DELETE CASCADE,
    version     integer NOT NULL DEFAULT 1,
    time_zone   text CHECK (time_zone <> '' AND length(time_zone) <= 100),
    quiet_from  time,
    quiet_until time,
    channels    jsonb NOT NULL CHECK (jsonb_typeof(channels) = 'object')
    DEFAULT '{"inbox": {"topics": ["*"], "severity": "warning"}, "push": {"topics": ["*"], "severity": "warning"}}',
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);
COMMENT ON TABLE notify.preferences IS 'What people want to be told, where and when: one row per person';
COMMENT ON COLUMN notify.preferences.time_zone IS 'IANA name; quiet hours and digests are in it. NULL: the zone that the identity provider names, or UTC';
COMMENT ON COLUMN notify.preferences.channels IS 'By channel (inbox, email, push) topics, the least severity, and of e-mail digest and digest_at; a channel that is not there is off';

CREATE TABLE IF NOT EXISTS notify.push_keys (
    key_id      integer PRIMARY KEY DEFAULT 1 CHECK (key_id = 1),
    public_key  text NOT NULL,
    private_key text,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE notify.push_keys IS 'What web push is signed with (VAPID, RFC 8292): one row, none before the worker has run';
COMMENT ON COLUMN notify.push_keys.public_key IS 'Point of the curve P-256, uncompressed, in base64url: browsers subscribe with it';
COMMENT ON COLUMN notify.push_keys.private_key IS 'Its number, in base64url; NULL: notifications.yaml refers to it';

CREATE TABLE IF NOT EXISTS notify.push_subscriptions (
    subscription_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id       bigint NOT NULL REFERENCES access.people ON DELETE CASCADE,
    endpoint_id     bigint UNIQUE REFERENCES notify.endpoints ON DELETE CASCADE,
    url             text NOT NULL UNIQUE CHECK (length(url) <= 2000),
    digest          text NOT NULL,
    p256dh          text NOT NULL,
    auth            text NOT NULL,
    name            text NOT NULL CHECK (length(name) <= 200),
    added_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS push_subscriptions_by_person ON notify.push_subscriptions (person_id);
COMMENT ON TABLE notify.push_subscriptions IS 'Browsers that show notifications of a person: one row per browser';
COMMENT ON COLUMN notify.push_subscriptions.endpoint_id IS 'The endpoint that sends to it; NULL while the channel is off';
COMMENT ON COLUMN notify.push_subscriptions.url IS 'Where its push service takes messages: whoever knows it can send some';
COMMENT ON COLUMN notify.push_subscriptions.digest IS 'SHA-256 of the address, in hexadecimal: a browser finds itself by it';
COMMENT ON COLUMN notify.push_subscriptions.p256dh IS 'Public key of the browser, in base64url (RFC 8291)';
COMMENT ON COLUMN notify.push_subscriptions.auth IS 'What else content is encrypted with, in base64url';
COMMENT ON COLUMN notify.push_subscriptions.name IS 'What the browser calls itself: Firefox on Linux';

CREATE OR REPLACE FUNCTION notify.why_not_told(endpoint_person bigint, event_person bigint, reading_groups text[])
RETURNS text
LANGUAGE sql
STABLE
AS $$
    SELECT CASE
        WHEN event_person <> coalesce(endpoint_person, 0) THEN 'It is for somebody else.'
        WHEN endpoint_person IS NULL THEN NULL
        WHEN person.disabled_at IS NOT NULL THEN 'The person may not sign in any more.'
        WHEN NOT person.groups && reading_groups
            THEN 'No group of the person has a role, as LOGISTICS_GROUP_ROLES and LOGISTICS_DEFAULT_ROLE of the worker say.'
        WHEN event_person IS NULL AND EXISTS (
            SELECT FROM access.group_row_access AS access WHERE access.group_name = ANY(person.groups)
        ) THEN 'The person may see some rows only, and it may be about others.'
    END
    FROM (SELECT) AS one
    LEFT JOIN access.people AS person ON person.person_id = endpoint_person
$$;
COMMENT ON FUNCTION notify.why_not_told IS 'Why a person must not be told of an event, in a sentence; NULL if they may. Groups that may read: NULL if everybody may';

-- Endpoints follow what their person wants. Messages that wait for one that ends, or for an address that was, end too.
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
            preferences.quiet_until, coalesce(preferences.time_zone, person.zone, 'UTC') AS time_zone
        FROM notify.preferences
        INNER JOIN access.people AS person ON person.person_id = preferences.person_id
        CROSS JOIN LATERAL jsonb_each(preferences.channels) AS choice (channel, wish)
        WHERE preferences.person_id = wanted AND person.disabled_at IS NULL
    ),
    endpoints AS (
        INSERT INTO notify.endpoints AS endpoint (
            name, title, channel, person_id, recipients, time_zone, quiet_from, quiet_until, digest, digest_at, per_hour
        )
        SELECT concat_ws(':', 'person', wanted, channel, subscription.subscription_id), 'My notifications', channel,
            wanted, CASE WHEN channel = 'email' THEN ARRAY[email] ELSE '{}' END, time_zone, quiet_from, quiet_until,
            wish ->> 'digest', coalesce(wish ->> 'digest_at', '08:00')::time,
            CASE WHEN channel <> 'inbox' THEN 20 END
        FROM wishes
        LEFT JOIN notify.push_subscriptions AS subscription
            ON wishes.channel = 'push' AND subscription.person_id = wanted
        WHERE channel = 'inbox' OR (channel = 'email' AND email IS NOT NULL) OR subscription.subscription_id IS NOT NULL
        ON CONFLICT (name) DO UPDATE
        SET recipients = excluded.recipients, time_zone = excluded.time_zone, quiet_from = excluded.quiet_from,
            quiet_until = excluded.quiet_until, digest = excluded.digest, digest_at = excluded.digest_at,
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
COMMENT ON FUNCTION notify.follow_preferences IS 'Makes the endpoints of a person what their preferences say';
REVOKE ALL ON FUNCTION notify.follow_preferences FROM public;

-- By trigger, so that whatever changes a person or their preferences is followed. Whoever signs in has preferences.
CREATE OR REPLACE FUNCTION notify.follow()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    IF TG_TABLE_NAME = 'people' AND TG_OP = 'INSERT' THEN
        INSERT INTO notify.preferences (person_id) VALUES (NEW.person_id) ON CONFLICT DO NOTHING;
    ELSE
        PERFORM notify.follow_preferences(NEW.person_id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION notify.follow IS 'Makes preferences of a new person; makes endpoints follow what has changed';
REVOKE ALL ON FUNCTION notify.follow FROM public;
CREATE OR REPLACE TRIGGER follow_new AFTER INSERT ON access.people
FOR EACH ROW WHEN (NOT models.is_restoring()) EXECUTE FUNCTION notify.follow();
CREATE OR REPLACE TRIGGER follow AFTER UPDATE ON access.people
FOR EACH ROW WHEN (
    NOT models.is_restoring()
    AND (old.email, old.zone, old.disabled_at) IS DISTINCT FROM (new.email, new.zone, new.disabled_at)
)
EXECUTE FUNCTION notify.follow();
CREATE OR REPLACE TRIGGER follow AFTER INSERT OR UPDATE ON notify.preferences
FOR EACH ROW WHEN (NOT models.is_restoring()) EXECUTE FUNCTION notify.follow();
INSERT INTO notify.preferences (person_id) SELECT person_id FROM access.people ON CONFLICT DO NOTHING;
