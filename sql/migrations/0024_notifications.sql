-- Messages to people and programs: who gets what, every message with its attempts, in a schema of its own.

CREATE SCHEMA IF NOT EXISTS notify;
COMMENT ON SCHEMA notify IS 'Endpoints, events, and the messages about them with every attempt';

CREATE TABLE IF NOT EXISTS notify.endpoints (
    endpoint_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    title           text NOT NULL DEFAULT '',
    channel         text NOT NULL
    CHECK (channel IN ('webhook', 'email', 'slack', 'teams', 'discord', 'telegram', 'inbox', 'apprise')),
    configuration   jsonb NOT NULL DEFAULT '{}',
    recipients      text[] NOT NULL DEFAULT '{}',
    time_zone       text NOT NULL DEFAULT 'UTC',
    quiet_from      time,
    quiet_until     time,
    digest          text CHECK (digest IN ('15m', 'daily', 'weekly')),
    digest_at       time NOT NULL DEFAULT '08:00',
    per_hour        integer CHECK (per_hour > 0),
    sha256          text NOT NULL DEFAULT '',
    declared_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at      timestamptz,
    failures        integer NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    paused_until    timestamptz,
    disabled_at     timestamptz,
    disabled_reason text,
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
COMMENT ON TABLE notify.endpoints IS 'Where messages go: one row per mailbox, chat, program or inbox';
COMMENT ON COLUMN notify.endpoints.configuration IS 'What its channel needs, with references to secrets and never their values';
COMMENT ON COLUMN notify.endpoints.recipients IS 'Of e-mail: the addresses, each of which gets a message of its own';
COMMENT ON COLUMN notify.endpoints.time_zone IS 'IANA name; quiet hours and digests are in it';
COMMENT ON COLUMN notify.endpoints.quiet_from IS 'Only critical events are sent between quiet_from and quiet_until';
COMMENT ON COLUMN notify.endpoints.digest IS 'Events are put together in one message at these times; NULL: each is sent at once';
COMMENT ON COLUMN notify.endpoints.per_hour IS 'After so many events within an hour the next ones are put together; NULL: no limit';
COMMENT ON COLUMN notify.endpoints.sha256 IS 'Of its declaration';
COMMENT ON COLUMN notify.endpoints.removed_at IS 'Since when it is not declared any more';
COMMENT ON COLUMN notify.endpoints.failures IS 'Attempts that failed since the last one that succeeded';
COMMENT ON COLUMN notify.endpoints.failing_since IS 'When the first of them failed';
COMMENT ON COLUMN notify.endpoints.paused_until IS 'When it may be sent to again: it has asked for that (Retry-After)';
COMMENT ON COLUMN notify.endpoints.disabled_at IS 'Since when nothing is sent to it, as it failed for days or wants no more';

CREATE TABLE IF NOT EXISTS notify.subscriptions (
    subscription_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id     bigint NOT NULL REFERENCES notify.endpoints ON DELETE CASCADE,
    topic           text NOT NULL,
    severity        text NOT NULL DEFAULT 'info' CHECK (severity IN ('info', 'warning', 'critical')),
    labels          jsonb NOT NULL DEFAULT '{}',
    UNIQUE (endpoint_id, topic, severity, labels)
);
COMMENT ON TABLE notify.subscriptions IS 'Which events an endpoint gets: one row per choice, any of which may fit';
COMMENT ON COLUMN notify.subscriptions.topic IS 'A topic, the begin of topics (alert.*), or * for all';
COMMENT ON COLUMN notify.subscriptions.severity IS 'The least severity';
COMMENT ON COLUMN notify.subscriptions.labels IS 'Lists of values by label: an event fits that has one of them for each';

CREATE TABLE IF NOT EXISTS notify.events (
    event_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key          text NOT NULL UNIQUE,
    topic        text NOT NULL,
    severity     text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    title        text NOT NULL,
    text         text NOT NULL,
    facts        jsonb NOT NULL DEFAULT '[]',
    labels       jsonb NOT NULL DEFAULT '{}',
    path         text,
    thread       text,
    occurred_at  timestamptz NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    messages     integer NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_time ON notify.events (published_at);
COMMENT ON TABLE notify.events IS 'What there was to tell: one row per event';
COMMENT ON COLUMN notify.events.key IS 'Names the event: publishing it again writes nothing';
COMMENT ON COLUMN notify.events.facts IS 'Pairs of name and value: [["dataset", "shipments"]]';
COMMENT ON COLUMN notify.events.path IS 'Its place in the dashboard';
COMMENT ON COLUMN notify.events.thread IS 'The same for all events of one incident';
COMMENT ON COLUMN notify.events.messages IS 'How many messages were made of it, when it was published';

CREATE TABLE IF NOT EXISTS notify.digests (
    digest_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id bigint NOT NULL REFERENCES notify.endpoints,
    recipient   text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('1m', '15m', 'daily', 'weekly')),
    ends_at     timestamptz NOT NULL,
    closed_at   timestamptz,
    UNIQUE (endpoint_id, recipient, kind, ends_at)
);
COMMENT ON TABLE notify.digests IS 'Messages that put events together: one row per recipient, kind and window';
COMMENT ON COLUMN notify.digests.kind IS '1m and 15m also take what is above the limit of an hour';
COMMENT ON COLUMN notify.digests.ends_at IS 'When its window ends and it is sent';
COMMENT ON COLUMN notify.digests.closed_at IS 'When it was sent first: what comes later goes into another one';

CREATE TABLE IF NOT EXISTS notify.messages (
    message_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    endpoint_id  bigint NOT NULL REFERENCES notify.endpoints,
    recipient    text NOT NULL DEFAULT '',
    channel      text NOT NULL,
    event_id     bigint REFERENCES notify.events,
    digest_id    bigint REFERENCES notify.digests,
    thread       text,
    state        text NOT NULL
    CHECK (state IN ('waiting', 'held', 'sent', 'delivered', 'bounced', 'suppressed', 'dead')),
    reason       text,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at       timestamptz,
    is_quiet     boolean NOT NULL DEFAULT false,
    lease        uuid,
    locked_until timestamptz,
    tries        integer NOT NULL DEFAULT 0,
    ended_at     timestamptz,
    UNIQUE (event_id, endpoint_id, recipient),
    CHECK (event_id IS NOT NULL OR digest_id IS NOT NULL),
    CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CHECK ((state IN ('waiting', 'held')) = (ended_at IS NULL)),
    CHECK (state <> 'held' OR (event_id IS NOT NULL AND digest_id IS NOT NULL)),
    CHECK (state NOT IN ('suppressed', 'dead', 'bounced') OR reason IS NOT NULL)
);
CREATE INDEX IF NOT EXISTS messages_waiting ON notify.messages (endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS messages_by_time ON notify.messages (published_at);
CREATE INDEX IF NOT EXISTS messages_by_thread ON notify.messages (thread, endpoint_id) WHERE thread IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_of_digests ON notify.messages (digest_id) WHERE digest_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS messages_carrying_digests ON notify.messages (digest_id) WHERE event_id IS NULL;
COMMENT ON TABLE notify.messages IS 'Messages: one row per event, endpoint and recipient, and one per digest that carries others';
COMMENT ON COLUMN notify.messages.public_id IS 'What receivers drop repeats by: in webhook-id and Message-ID of every attempt';
COMMENT ON COLUMN notify.messages.recipient IS 'Address of an e-mail; empty elsewhere';
COMMENT ON COLUMN notify.messages.event_id IS 'NULL for the message that carries a digest';
COMMENT ON COLUMN notify.messages.digest_id IS 'The digest that it is a part of, or carries';
COMMENT ON COLUMN notify.messages.reason IS 'Why it waits, or ended as it did, in a sentence';
COMMENT ON COLUMN notify.messages.due_at IS 'When it is sent, or sent again';
COMMENT ON COLUMN notify.messages.is_quiet IS 'Whether it waits for the end of quiet hours';
COMMENT ON COLUMN notify.messages.lease IS 'Who sends it now';
COMMENT ON COLUMN notify.messages.locked_until IS 'Until then nobody else does; a sender that was killed does not end it';
COMMENT ON COLUMN notify.messages.tries IS 'Attempts since it was published or resent';
COMMENT ON COLUMN notify.messages.ended_at IS 'When it reached its last state';

CREATE TABLE IF NOT EXISTS notify.attempts (
    message_id bigint NOT NULL REFERENCES notify.messages ON DELETE CASCADE,
    number     integer NOT NULL,
    lease      uuid NOT NULL,
    begun_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds    double precision,
    outcome    text CHECK (outcome IN ('sent', 'delivered', 'passing', 'refused', 'bounced', 'gone')),
    status     integer,
    detail     text,
    PRIMARY KEY (message_id, number)
);
COMMENT ON TABLE notify.attempts IS 'Attempts to send a message: one row per attempt';
COMMENT ON COLUMN notify.attempts.seconds IS 'How long it took';
COMMENT ON COLUMN notify.attempts.outcome IS 'NULL: it is under way, or its process ended before it could tell';
COMMENT ON COLUMN notify.attempts.status IS 'Of HTTP or SMTP';
COMMENT ON COLUMN notify.attempts.detail IS 'What the receiver said, or why it was not reached, without secrets';

CREATE TABLE IF NOT EXISTS notify.suppressions (
    recipient     text NOT NULL,
    endpoint_id   bigint REFERENCES notify.endpoints,
    reason        text NOT NULL,
    suppressed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_id    bigint REFERENCES notify.messages ON DELETE SET NULL,
    UNIQUE NULLS NOT DISTINCT (recipient, endpoint_id)
);
COMMENT ON TABLE notify.suppressions IS 'Addresses that no mail is sent to: one row per address and endpoint';
COMMENT ON COLUMN notify.suppressions.endpoint_id IS 'Of which it gets no mail; NULL: of none';
COMMENT ON COLUMN notify.suppressions.message_id IS 'The message that has bounced, or was answered';
