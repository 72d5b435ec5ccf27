-- Boards by e-mail: reports that are declared, and their editions, each window of a schedule once.

CREATE TABLE IF NOT EXISTS notify.reports (
    report_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    title        text NOT NULL,
    board        text NOT NULL,
    schedule     text NOT NULL,
    time_zone    text NOT NULL,
    days         text NOT NULL,
    fresh_within interval,
    endpoints    text[] NOT NULL,
    sha256       text NOT NULL,
    declared_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at   timestamptz
);
COMMENT ON TABLE notify.reports IS 'Boards that are sent on a schedule: one row per report';
COMMENT ON COLUMN notify.reports.title IS 'Its subject; empty: the title of the board';
COMMENT ON COLUMN notify.reports.board IS 'ID or title of the board';
COMMENT ON COLUMN notify.reports.schedule IS 'Minute, hour, day, month and weekday, as in cron';
COMMENT ON COLUMN notify.reports.time_zone IS 'IANA name; schedule and days are in it';
COMMENT ON COLUMN notify.reports.days IS 'Which days it is about: 7d, week, month, quarter, year or all';
COMMENT ON COLUMN notify.reports.fresh_within IS 'How long ago the figures may have been refreshed; NULL: any time';
COMMENT ON COLUMN notify.reports.endpoints IS 'Names of the endpoints that get it';
COMMENT ON COLUMN notify.reports.sha256 IS 'Of its declaration';
COMMENT ON COLUMN notify.reports.declared_at IS 'When its declaration changed last: earlier windows are not due';

CREATE TABLE IF NOT EXISTS notify.editions (
    edition_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id    bigint NOT NULL REFERENCES notify.reports,
    window_at    timestamptz NOT NULL,
    outcome      text CHECK (outcome IN ('published', 'failed', 'missed')),
    reason       text,
    tries        integer NOT NULL DEFAULT 0,
    begun_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz,
    data_version bigint,
    content      bytea,
    event_id     bigint REFERENCES notify.events ON DELETE SET NULL,
    UNIQUE (report_id, window_at),
    CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CHECK (outcome IS DISTINCT FROM 'failed' OR reason IS NOT NULL)
);
CREATE INDEX IF NOT EXISTS editions_open ON notify.editions (due_at) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS editions_by_event ON notify.editions (event_id);
COMMENT ON TABLE notify.editions IS 'Editions of reports: one row per report and window of its schedule';
COMMENT ON COLUMN notify.editions.window_at IS 'When it was due';
COMMENT ON COLUMN notify.editions.outcome IS 'published: its event was made; failed: it could not be made whole; missed: nobody was there; NULL: it is tried';
COMMENT ON COLUMN notify.editions.reason IS 'Why it is tried again, or failed';
COMMENT ON COLUMN notify.editions.due_at IS 'When it is tried again';
COMMENT ON COLUMN notify.editions.data_version IS 'The refresh that its figures are of';
COMMENT ON COLUMN notify.editions.content IS 'What mails hold: HTML, text, pictures and tables, as JSON; deleted with the event';
COMMENT ON COLUMN notify.editions.event_id IS 'What was published';
