-- Mails that are answered: signed links to unsubscribe, signed addresses for bounces, and which addresses get which mails.

CREATE TABLE IF NOT EXISTS notify.signing_keys (
    key_id    integer PRIMARY KEY DEFAULT 1 CHECK (key_id = 1),
    inner_key bytea NOT NULL CHECK (octet_length(inner_key) = 64),
    outer_key bytea NOT NULL CHECK (octet_length(outer_key) = 64)
);
COMMENT ON TABLE notify.signing_keys IS 'What links and addresses in mails are signed with: one row';
COMMENT ON COLUMN notify.signing_keys.inner_key IS 'Fills the first block of the inner hash, as in HMAC';
COMMENT ON COLUMN notify.signing_keys.outer_key IS 'The same of the outer hash';

INSERT INTO notify.signing_keys (inner_key, outer_key)
SELECT
    sha512(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
    sha512(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS notify.bounces (
    bounce_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint REFERENCES notify.messages ON DELETE CASCADE,
    recipient  text NOT NULL,
    status     text NOT NULL,
    diagnostic text NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS bounces_by_recipient ON notify.bounces (recipient, noted_at);
CREATE INDEX IF NOT EXISTS bounces_by_message ON notify.bounces (message_id);
COMMENT ON TABLE notify.bounces IS 'Mails that came back after they had been accepted: one row per message';
COMMENT ON COLUMN notify.bounces.recipient IS 'The address, in small letters';
COMMENT ON COLUMN notify.bounces.status IS 'As in RFC 3463: 5.1.1';

ALTER TABLE notify.suppressions
ADD COLUMN IF NOT EXISTS suppression_id bigint GENERATED ALWAYS AS IDENTITY,
ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'bounced' CHECK (kind IN ('bounced', 'unsubscribed')),
ADD COLUMN IF NOT EXISTS topic text;
ALTER TABLE notify.suppressions DROP CONSTRAINT IF EXISTS suppressions_recipient_endpoint_id_key;
-- They outlive messages, also in another database: exports hold suppressions and no messages.
ALTER TABLE notify.suppressions DROP CONSTRAINT IF EXISTS suppressions_message_id_fkey;
CREATE UNIQUE INDEX IF NOT EXISTS suppressions_key
ON notify.suppressions (recipient, endpoint_id, topic) NULLS NOT DISTINCT;
COMMENT ON TABLE notify.suppressions IS 'Mails that an address does not get: one row per address, endpoint and topics';
COMMENT ON COLUMN notify.suppressions.recipient IS 'The address, in small letters';
COMMENT ON COLUMN notify.suppressions.kind IS 'bounced: mails do not arrive; unsubscribed: they are not wanted';
COMMENT ON COLUMN notify.suppressions.message_id IS 'Number of the message that has bounced, or was answered; it may be gone';
COMMENT ON COLUMN notify.suppressions.topic IS 'A topic, or the begin of topics (alert.*), that it does not get; NULL: any';

CREATE OR REPLACE FUNCTION notify.topic_fits(chosen text, topic text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT chosen IN (topic, '*') OR (right(chosen, 2) = '.*' AND starts_with(topic, rtrim(chosen, '*')))
$$;
COMMENT ON FUNCTION notify.topic_fits IS 'Whether a topic is the chosen one, begins as it does (alert.*), or any is chosen (*)';

CREATE OR REPLACE FUNCTION notify.topics_beside(topic text)
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT regexp_replace(topic, '\.[^.]*$', '.*')
$$;
COMMENT ON FUNCTION notify.topics_beside IS 'What somebody unsubscribes from who wants no more of a topic: alert.* of alert.firing';

-- NMAC, on which HMAC rests, with SHA-256. The extension pgcrypto need not be there.
CREATE OR REPLACE FUNCTION notify.sign(purpose text, about uuid)
RETURNS bytea
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = ''
AS $$
    SELECT substring(
        sha256(outer_key || sha256(inner_key || convert_to(purpose || ':' || about::text, 'UTF8'))) FOR 16
    )
    FROM notify.signing_keys
$$;
COMMENT ON FUNCTION notify.sign IS 'A code of 16 bytes that nobody can make without the key; purposes: unsubscribe, bounce';
REVOKE ALL ON FUNCTION notify.sign FROM public;

-- Hashes are compared, so that the time says nothing about how many bytes are right.
CREATE OR REPLACE FUNCTION notify.is_signed(purpose text, about uuid, code bytea)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = ''
AS $$
    SELECT sha256(code) = sha256(substring(notify.sign(purpose, about) FOR octet_length(code)))
    AND octet_length(code) >= 8
$$;
COMMENT ON FUNCTION notify.is_signed IS 'Whether a code is that of sign, or at least its first 8 bytes';
REVOKE ALL ON FUNCTION notify.is_signed FROM public;

-- All that the API's role can do about links to unsubscribe. They name every object in full, as above.
CREATE OR REPLACE FUNCTION notify.read_link(link uuid, code bytea)
RETURNS json
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = ''
AS $$
    WITH mail AS (
        SELECT message.endpoint_id, lower(message.recipient) AS recipient, message.message_id,
            coalesce(nullif(endpoint.title, ''), endpoint.name) AS endpoint,
            ARRAY(
                SELECT DISTINCT notify.topics_beside(event.topic)
                FROM notify.messages AS part
                INNER JOIN notify.events AS event ON part.event_id = event.event_id
                WHERE part.message_id = message.message_id
                    OR (message.event_id IS NULL AND part.digest_id = message.digest_id)
                ORDER BY 1
            ) AS topics
        FROM notify.messages AS message
        INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
        WHERE message.public_id = link AND message.channel = 'email' AND octet_length(code) = 16
            AND notify.is_signed('unsubscribe', link, code)
    )
    SELECT json_build_object(
        'message_id', message_id, 'endpoint_id', endpoint_id, 'endpoint', endpoint, 'recipient', recipient,
        'topics', topics,
        'is_unsubscribed', (
            SELECT count(*) = cardinality(topics)
            FROM notify.suppressions AS entry
            WHERE entry.recipient = mail.recipient AND entry.endpoint_id = mail.endpoint_id
                AND entry.topic = ANY(mail.topics)
        )
    )
    FROM mail
$$;
COMMENT ON FUNCTION notify.read_link IS 'What a link to unsubscribe is about, as JSON; no row if it is not one of ours';
REVOKE ALL ON FUNCTION notify.read_link FROM public;

CREATE OR REPLACE FUNCTION notify.unsubscribe(link uuid, code bytea)
RETURNS json
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    mail json := notify.read_link(link, code);
BEGIN
    IF mail IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO notify.suppressions (recipient, endpoint_id, topic, kind, reason, message_id)
    SELECT mail ->> 'recipient', (mail ->> 'endpoint_id')::bigint, topic, 'unsubscribed',
        'It has unsubscribed from ' || topic || '.', (mail ->> 'message_id')::bigint
    FROM json_array_elements_text(mail -> 'topics') AS topic
    ON CONFLICT DO NOTHING;
    -- What is being sent at this moment, or put into a digest, is looked at again before each attempt.
    UPDATE notify.messages AS message
    SET state = 'suppressed', reason = 'The address gets no mail: ' || entry.reason, due_at = NULL, is_quiet = false,
        ended_at = clock_timestamp()
    FROM notify.events AS event, notify.suppressions AS entry
    WHERE message.endpoint_id = (mail ->> 'endpoint_id')::bigint
        AND lower(message.recipient) = mail ->> 'recipient'
        AND message.state IN ('waiting', 'held')
        AND (message.locked_until IS NULL OR message.locked_until < clock_timestamp())
        AND event.event_id = message.event_id
        AND entry.recipient = mail ->> 'recipient'
        AND entry.endpoint_id = message.endpoint_id
        AND notify.topic_fits(entry.topic, event.topic)
        AND NOT EXISTS (
            SELECT
            FROM notify.messages AS carrier
            WHERE carrier.digest_id = message.digest_id AND carrier.event_id IS NULL
                AND carrier.locked_until > clock_timestamp()
        );
    RETURN notify.read_link(link, code);
END
$$;
COMMENT ON FUNCTION notify.unsubscribe IS 'Ends mails of some topics to the recipient of a link; returns what read_link does';
REVOKE ALL ON FUNCTION notify.unsubscribe FROM public;

CREATE OR REPLACE FUNCTION notify.subscribe_again(link uuid, code bytea)
RETURNS json
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    mail json := notify.read_link(link, code);
BEGIN
    DELETE FROM notify.suppressions AS entry
    WHERE entry.recipient = mail ->> 'recipient'
        AND entry.endpoint_id = (mail ->> 'endpoint_id')::bigint
        AND entry.kind = 'unsubscribed'
        AND entry.topic IN (SELECT json_array_elements_text(mail -> 'topics'));
    RETURN notify.read_link(link, code);
END
$$;
COMMENT ON FUNCTION notify.subscribe_again IS 'Takes unsubscribe back; returns what read_link does';
REVOKE ALL ON FUNCTION notify.subscribe_again FROM public;
