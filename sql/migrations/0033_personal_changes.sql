-- What people change of their own notifications, and what of that is in the audit log.

-- What the API's role can do for a person. They run with the rights of their owner, so they name every object in full.
CREATE OR REPLACE FUNCTION notify.change_preferences(
    wanted bigint, known_version integer, zone text, from_time time, until_time time, choices jsonb
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
    SET version = version + 1, time_zone = zone, quiet_from = from_time, quiet_until = until_time, channels = choices,
        changed_at = pg_catalog.clock_timestamp()
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
COMMENT ON FUNCTION notify.change_preferences IS 'Changes what a person wants; returns the new version, NULL if they do not have the known one any more';
REVOKE ALL ON FUNCTION notify.change_preferences FROM public;

CREATE OR REPLACE FUNCTION notify.subscribe_person_again(wanted bigint)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    WITH lifted AS (
        DELETE FROM notify.suppressions AS entry
        USING notify.endpoints AS endpoint
        WHERE entry.endpoint_id = endpoint.endpoint_id AND endpoint.person_id = wanted AND entry.kind = 'unsubscribed'
        RETURNING 1
    )
    SELECT count(*) FROM lifted
$$;
COMMENT ON FUNCTION notify.subscribe_person_again IS 'Takes back what a person has unsubscribed from by links in their own mails; returns how many entries that ends';
REVOKE ALL ON FUNCTION notify.subscribe_person_again FROM public;

CREATE OR REPLACE FUNCTION notify.mark_messages(wanted bigint, marked bigint[], up_to bigint, as_read boolean)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    WITH changed AS (
        UPDATE notify.messages AS message
        SET read_at = CASE WHEN as_read THEN pg_catalog.clock_timestamp() END
        FROM notify.endpoints AS endpoint
        WHERE message.endpoint_id = endpoint.endpoint_id AND endpoint.person_id = wanted
            AND message.channel = 'inbox'
            AND (message.message_id = ANY(marked) OR message.message_id <= up_to)
            AND (message.read_at IS NULL) = as_read
        RETURNING 1
    )
    SELECT count(*) FROM changed
$$;
COMMENT ON FUNCTION notify.mark_messages IS 'Marks messages in the inbox of a person as read or unread: those named, or all up to one; returns how many that changes';
REVOKE ALL ON FUNCTION notify.mark_messages FROM public;

CREATE OR REPLACE FUNCTION notify.add_push_subscription(
    wanted bigint, address text, address_digest text, browser_key text, browser_secret text, browser_name text
)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    known record;
    added bigint;
BEGIN
    PERFORM FROM notify.preferences WHERE person_id = wanted FOR UPDATE;
    SELECT * INTO known FROM notify.push_subscriptions WHERE url = address FOR UPDATE;
    IF known.person_id = wanted AND known.p256dh = browser_key AND known.auth = browser_secret THEN
        IF NOT EXISTS (
            SELECT FROM notify.endpoints WHERE endpoint_id = known.endpoint_id AND disabled_at IS NOT NULL
        ) THEN
            RETURN known.subscription_id;
        END IF;
    END IF;
    IF known.subscription_id IS NOT NULL THEN  -- the browser shows one person's notifications: those of who asked last
        PERFORM notify.remove_push_subscription(known.person_id, known.subscription_id);
    END IF;
    INSERT INTO notify.push_subscriptions (person_id, url, digest, p256dh, auth, name)
    SELECT wanted, address, address_digest, browser_key, browser_secret, browser_name
    WHERE (SELECT count(*) FROM notify.push_subscriptions WHERE person_id = wanted) < 20
    RETURNING subscription_id INTO added;
    PERFORM notify.follow_preferences(wanted);
    RETURN added;
END
$$;
COMMENT ON FUNCTION notify.add_push_subscription IS 'Has a browser show the notifications of a person; returns its ID, NULL if they have twenty already';
REVOKE ALL ON FUNCTION notify.add_push_subscription FROM public;

CREATE OR REPLACE FUNCTION notify.remove_push_subscription(wanted bigint, unwanted bigint)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM notify.push_subscriptions
    WHERE person_id = wanted AND subscription_id = unwanted
    RETURNING subscription_id INTO removed;
    PERFORM notify.follow_preferences(wanted);
    RETURN removed;
END
$$;
COMMENT ON FUNCTION notify.remove_push_subscription IS 'Has a browser not show the notifications of a person any more; NULL if it is none of theirs';
REVOKE ALL ON FUNCTION notify.remove_push_subscription FROM public;

CREATE OR REPLACE FUNCTION notify.send_test(wanted bigint, by_channel text, about_title text, about_text text)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    made bigint;
    told bigint;
BEGIN
    INSERT INTO notify.events (key, topic, severity, title, text, path, occurred_at, person_id, messages)
    SELECT 'test:' || pg_catalog.gen_random_uuid(), 'test', 'info', about_title, about_text, '/my-notifications',
        pg_catalog.clock_timestamp(), wanted, count(*)
    FROM notify.endpoints
    WHERE person_id = wanted AND channel = by_channel AND removed_at IS NULL AND disabled_at IS NULL
    HAVING count(*) > 0 AND (
        SELECT count(*) FROM notify.events
        WHERE person_id = wanted AND topic = 'test' AND published_at > pg_catalog.clock_timestamp() - interval '1 hour'
    ) < 20
    RETURNING event_id INTO made;
    INSERT INTO notify.messages (endpoint_id, recipient, channel, event_id, state, due_at, ended_at)
    SELECT endpoint_id, coalesce(recipients[1], ''), channel, made,
        CASE WHEN channel = 'inbox' THEN 'delivered' ELSE 'waiting' END,
        CASE WHEN channel <> 'inbox' THEN pg_catalog.clock_timestamp() END,
        CASE WHEN channel = 'inbox' THEN pg_catalog.clock_timestamp() END
    FROM notify.endpoints
    WHERE made IS NOT NULL AND person_id = wanted AND channel = by_channel AND removed_at IS NULL
        AND disabled_at IS NULL;
    GET DIAGNOSTICS told = ROW_COUNT;
    PERFORM pg_catalog.pg_notify('messages', told::text);
    RETURN told;
END
$$;
COMMENT ON FUNCTION notify.send_test IS 'Sends a test to the endpoints of a person by one channel; returns to how many: none beyond twenty tests in an hour';
REVOKE ALL ON FUNCTION notify.send_test FROM public;

-- Their part of the audit log. Endpoints of people follow from their preferences, which are logged instead.
CREATE OR REPLACE TRIGGER log_new AFTER INSERT ON notify.endpoints
FOR EACH ROW WHEN (new.person_id IS NULL)
EXECUTE FUNCTION access.log_change('endpoint', 'name', 'failures failing_since paused_until declared_at');
CREATE OR REPLACE TRIGGER log_deleted AFTER DELETE ON notify.endpoints
FOR EACH ROW WHEN (old.person_id IS NULL)
EXECUTE FUNCTION access.log_change('endpoint', 'name', 'failures failing_since paused_until declared_at');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE ON notify.endpoints
FOR EACH ROW
WHEN (
    CASE
        WHEN new.person_id IS NOT NULL THEN old.disabled_at IS NULL AND new.disabled_at IS NOT NULL
        ELSE (old.sha256, old.removed_at, old.disabled_at)
            IS DISTINCT FROM (new.sha256, new.removed_at, new.disabled_at)
    END
)
EXECUTE FUNCTION access.log_change('endpoint', 'name', 'failures failing_since paused_until declared_at');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE ON notify.preferences
FOR EACH ROW EXECUTE FUNCTION access.log_change('preferences', 'person_id', 'changed_at');
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR DELETE ON notify.push_subscriptions
FOR EACH ROW
EXECUTE FUNCTION access.log_change('push_subscription', 'person_id subscription_id', 'url p256dh auth endpoint_id');
