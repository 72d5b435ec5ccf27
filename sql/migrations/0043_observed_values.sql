-- How high values were on each day, as rules saw them: of kinds of rules whose past nothing else keeps.

CREATE TABLE IF NOT EXISTS alert.observed_days (
    kind text NOT NULL,
    day  date NOT NULL,
    PRIMARY KEY (kind, day)
);
COMMENT ON TABLE alert.observed_days IS 'Days on which a rule has looked at all subjects of a kind: one row per kind and day, UTC';

CREATE TABLE IF NOT EXISTS alert.observed_values (
    kind    text NOT NULL,
    day     date NOT NULL,
    labels  jsonb NOT NULL,
    highest double precision NOT NULL,
    seen_at timestamptz NOT NULL,
    summary jsonb NOT NULL,
    path    text,
    PRIMARY KEY (kind, day, labels),
    FOREIGN KEY (kind, day) REFERENCES alert.observed_days ON DELETE CASCADE
);
COMMENT ON TABLE alert.observed_values IS 'The highest value of each day: one row per kind, day and subject that had one above 0';
COMMENT ON COLUMN alert.observed_values.labels IS 'What distinguishes it from other subjects of the kind';
COMMENT ON COLUMN alert.observed_values.seen_at IS 'When it was that high';
COMMENT ON COLUMN alert.observed_values.summary IS 'What was said of it then, as a sentence that other languages can tell';
COMMENT ON COLUMN alert.observed_values.path IS 'Where the dashboard shows it';

CREATE INDEX IF NOT EXISTS messages_given_up ON notify.messages (ended_at) WHERE state = 'dead';
