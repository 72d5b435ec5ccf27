-- Models: versions with their bytes, back-tests and history. What they predict is in 0022_model_predictions.

CREATE SCHEMA IF NOT EXISTS models;
COMMENT ON SCHEMA models IS 'Models: versions, back-tests, history, predictions and their scores, jobs';

CREATE TABLE IF NOT EXISTS models.models (
    model        text PRIMARY KEY CHECK (model ~ '^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$'),
    dataset      text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('duration', 'odd_values')),
    declaration  jsonb NOT NULL,
    is_held      boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz,
    data_version bigint,
    retired_at   timestamptz
);
COMMENT ON TABLE models.models IS 'Models that contracts have asked for: one row per model, called like its dataset and its name there';
COMMENT ON COLUMN models.models.kind IS 'duration: how long something takes, with quantiles; odd_values: which values are odd, and why';
COMMENT ON COLUMN models.models.declaration IS 'What the contract asks for now';
COMMENT ON COLUMN models.models.is_held IS 'Whether a person has rolled back: nothing is promoted by itself until one promotes a version';
COMMENT ON COLUMN models.models.updated_at IS 'When records were predicted and scored last';
COMMENT ON COLUMN models.models.data_version IS 'The refresh whose records that were';
COMMENT ON COLUMN models.models.retired_at IS 'When the contract has ceased to ask for it';

-- The database compares the bytes with their name: what is loaded is what was stored.
CREATE TABLE IF NOT EXISTS models.artefacts (
    sha256    text PRIMARY KEY,
    format    text NOT NULL CHECK (format IN ('logistics-json', 'lightgbm-text', 'onnx')),
    content   bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 67108864),
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT artefacts_sha256_of_content CHECK (sha256 = encode(sha256(content), 'hex'))
);
COMMENT ON TABLE models.artefacts IS 'What versions of models consist of, by the SHA-256 of their bytes: one row per artefact';
COMMENT ON COLUMN models.artefacts.format IS 'A closed list: none of these can hold code';

CREATE TABLE IF NOT EXISTS models.versions (
    model            text NOT NULL REFERENCES models.models,
    version          integer NOT NULL CHECK (version >= 1),
    state            text NOT NULL DEFAULT 'registered'
        CHECK (state IN ('registered', 'staging', 'production', 'archived')),
    method           text NOT NULL,
    format           text NOT NULL,
    sha256           text NOT NULL,
    companion_sha256 text,
    input_schema     jsonb NOT NULL,
    outputs          jsonb NOT NULL,
    card             jsonb NOT NULL,
    declaration      text NOT NULL,
    code_version     text NOT NULL,
    data_version     bigint NOT NULL,
    trained_on       bigint NOT NULL,
    first_day        date,
    last_day         date,
    author           text NOT NULL CHECK (author <> '' AND length(author) <= 200),
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds          double precision NOT NULL,
    memory_bytes     bigint NOT NULL,
    PRIMARY KEY (model, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS versions_in_production ON models.versions (model) WHERE state = 'production';
COMMENT ON TABLE models.versions IS 'Versions of models: one row per version, nothing of it changes but its state, which follows models.transitions';
COMMENT ON COLUMN models.versions.method IS 'How it was learnt: running_mean, lightgbm, residuals, or imported';
COMMENT ON COLUMN models.versions.sha256 IS 'Its artefact; of a version archived long ago, the artefact may have been deleted';
COMMENT ON COLUMN models.versions.companion_sha256 IS 'A document of our own that the artefact needs beside it, where it does';
COMMENT ON COLUMN models.versions.input_schema IS 'Its inputs: the fields of the dataset they are, with type, unit and the range seen in training';
COMMENT ON COLUMN models.versions.outputs IS 'Its outputs, with unit and probabilities';
COMMENT ON COLUMN models.versions.card IS 'Purpose, data, method, limits, and what inputs were distributed like, for drift';
COMMENT ON COLUMN models.versions.declaration IS 'A fingerprint of what the contract asked for';
COMMENT ON COLUMN models.versions.data_version IS 'The refresh whose records were the past';
COMMENT ON COLUMN models.versions.trained_on IS 'Number of records';

CREATE TABLE IF NOT EXISTS models.backtests (
    backtest_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model        text NOT NULL,
    version      integer NOT NULL,
    data_version bigint NOT NULL,
    records      bigint NOT NULL CHECK (records > 0),
    windows      jsonb NOT NULL CHECK (jsonb_typeof(windows) = 'array' AND jsonb_array_length(windows) > 0),
    overall      jsonb NOT NULL,
    compared     jsonb,
    verdict      text NOT NULL CHECK (verdict IN ('better', 'equal', 'worse', 'first')),
    reason       text NOT NULL CHECK (reason <> ''),
    tested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (model, version) REFERENCES models.versions,
    UNIQUE (backtest_id, model, version)
);
CREATE INDEX IF NOT EXISTS backtests_by_version ON models.backtests (model, version);
COMMENT ON TABLE models.backtests IS 'Back-tests of versions: one row per test, none is ever changed';
COMMENT ON COLUMN models.backtests.records IS 'How many records were predicted from what was known before them';
COMMENT ON COLUMN models.backtests.windows IS 'Per window of time: records, errors, those of the naive method, pinball loss, coverage';
COMMENT ON COLUMN models.backtests.compared IS 'The same windows as predicted by the version that was in production';
COMMENT ON COLUMN models.backtests.verdict IS 'Beside the version in production: first, if there was none';

CREATE TABLE IF NOT EXISTS models.transitions (
    transition_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model         text NOT NULL,
    version       integer NOT NULL,
    from_state    text NOT NULL,
    to_state      text NOT NULL,
    author        text NOT NULL CHECK (author <> '' AND length(author) <= 200),
    reason        text NOT NULL CHECK (reason <> '' AND length(reason) <= 2000),
    backtest_id   bigint,
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (model, version) REFERENCES models.versions,
    FOREIGN KEY (backtest_id, model, version) REFERENCES models.backtests (backtest_id, model, version),
    CONSTRAINT transitions_to_production_have_a_backtest CHECK (to_state <> 'production' OR backtest_id IS NOT NULL),
    CONSTRAINT transitions_allowed CHECK (
        (from_state, to_state) IN (
            ('registered', 'staging'), ('registered', 'archived'), ('staging', 'production'), ('staging', 'archived'),
            ('production', 'archived'), ('archived', 'staging')
        )
    )
);
CREATE INDEX IF NOT EXISTS transitions_by_version ON models.transitions (model, version, transition_id);
COMMENT ON TABLE models.transitions IS 'Changes of the state of versions: one row per change, the only way to make one; none is ever changed';
COMMENT ON COLUMN models.transitions.backtest_id IS 'The back-test of this version that justified it; production requires one';

CREATE TABLE IF NOT EXISTS models.aliases (
    alias_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model       text NOT NULL,
    alias       text NOT NULL CHECK (alias IN ('champion', 'challenger')),
    version     integer NOT NULL,
    author      text NOT NULL,
    reason      text NOT NULL,
    backtest_id bigint,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    until       timestamptz CHECK (until >= since),
    FOREIGN KEY (model, version) REFERENCES models.versions,
    FOREIGN KEY (backtest_id, model, version) REFERENCES models.backtests (backtest_id, model, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS aliases_now ON models.aliases (model, alias) WHERE until IS NULL;
CREATE INDEX IF NOT EXISTS aliases_by_time ON models.aliases (model, alias, since);
COMMENT ON TABLE models.aliases IS 'Which version was champion (in production) or challenger, and when: one row per period';
COMMENT ON COLUMN models.aliases.until IS 'NULL: still';

-- Whoever restores an export of everything writes rows as they were: `SET LOCAL logistics.restoring = 'on'`.
CREATE OR REPLACE FUNCTION models.is_restoring() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('logistics.restoring', true), '') = 'on'
$$;
COMMENT ON FUNCTION models.is_restoring IS 'Whether rows are written as an export has them, history and all';

CREATE OR REPLACE FUNCTION models.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        MESSAGE = 'Rows of models.' || TG_TABLE_NAME || ' are never changed: they are the history of models.';
END
$$;
COMMENT ON FUNCTION models.refuse_change IS 'Keeps history as it was written';
CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON models.transitions
FOR EACH ROW EXECUTE FUNCTION models.refuse_change();
CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON models.backtests
FOR EACH ROW EXECUTE FUNCTION models.refuse_change();
CREATE OR REPLACE TRIGGER refuse_change BEFORE DELETE ON models.versions
FOR EACH ROW EXECUTE FUNCTION models.refuse_change();
CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE ON models.artefacts
FOR EACH ROW EXECUTE FUNCTION models.refuse_change();

-- A version is registered, and from then on its state alone changes, by a transition: its trigger is the one statement
-- that does so at a greater depth.
CREATE OR REPLACE FUNCTION models.guard_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'registered' THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'A new version is registered; it becomes ' || NEW.state || ' by rows of models.transitions.';
        END IF;
    ELSIF to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state' OR pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'Version ' || OLD.version || ' of ' || OLD.model || ' changes its state alone, by a row of models.transitions.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION models.guard_version IS 'Refuses states without a transition, and any other change of a version';
CREATE OR REPLACE TRIGGER guard_version BEFORE INSERT OR UPDATE ON models.versions
FOR EACH ROW WHEN (NOT models.is_restoring()) EXECUTE FUNCTION models.guard_version();

CREATE OR REPLACE FUNCTION models.apply_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present text;
    former integer;
BEGIN
    PERFORM FROM models.models WHERE model = NEW.model FOR NO KEY UPDATE;  -- one change of a model at a time
    SELECT state INTO present FROM models.versions WHERE model = NEW.model AND version = NEW.version;
    IF present IS DISTINCT FROM NEW.from_state THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'Version ' || NEW.version || ' of ' || NEW.model || ' is ' || present || ', not ' || NEW.from_state || '.';
    END IF;
    IF NEW.to_state = 'production' THEN
        IF NOT EXISTS (
            SELECT FROM models.versions AS version
            INNER JOIN models.artefacts AS artefact ON version.sha256 = artefact.sha256
            WHERE version.model = NEW.model AND version.version = NEW.version
        ) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'The artefact of version ' || NEW.version || ' of ' || NEW.model || ' was deleted: train a new one.';
        END IF;
        SELECT version INTO former FROM models.versions WHERE model = NEW.model AND state = 'production';
        IF former IS NOT NULL THEN
            INSERT INTO models.transitions (model, version, from_state, to_state, author, reason, changed_at)
            VALUES (
                NEW.model, former, 'production', 'archived', NEW.author,
                left('Version ' || NEW.version || ' took its place: ' || NEW.reason, 2000), NEW.changed_at
            );
        END IF;
    END IF;
    UPDATE models.versions SET state = NEW.to_state WHERE model = NEW.model AND version = NEW.version;
    IF NEW.to_state IN ('production', 'archived') THEN
        UPDATE models.aliases SET until = greatest(since, NEW.changed_at)
        WHERE model = NEW.model AND version = NEW.version AND until IS NULL;
    END IF;
    IF NEW.to_state = 'production' THEN
        INSERT INTO models.aliases (model, alias, version, author, reason, backtest_id, since)
        VALUES (NEW.model, 'champion', NEW.version, NEW.author, NEW.reason, NEW.backtest_id, NEW.changed_at);
    END IF;
    PERFORM pg_catalog.pg_notify('models', NEW.model);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION models.apply_transition IS 'Changes the state of a version, archives the one that it replaces in production, and keeps the alias champion';
CREATE OR REPLACE TRIGGER apply_transition AFTER INSERT ON models.transitions
FOR EACH ROW WHEN (NOT models.is_restoring()) EXECUTE FUNCTION models.apply_transition();

-- What the alias says later: it ends, and nothing else of it changes. The champion follows production.
CREATE OR REPLACE FUNCTION models.guard_alias() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.alias = 'champion' AND pg_trigger_depth() < 2 THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'The champion is the version in production: make it so by a row of models.transitions.';
        END IF;
    ELSIF OLD.until IS NOT NULL OR to_jsonb(NEW) - 'until' <> to_jsonb(OLD) - 'until'
        OR (OLD.alias = 'champion' AND pg_trigger_depth() < 2) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'Rows of models.aliases are never changed, but that they end.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION models.guard_alias IS 'Keeps aliases as they were, and the champion as the version in production';
CREATE OR REPLACE TRIGGER guard_alias BEFORE INSERT OR UPDATE ON models.aliases
FOR EACH ROW WHEN (NOT models.is_restoring()) EXECUTE FUNCTION models.guard_alias();
CREATE OR REPLACE TRIGGER refuse_change BEFORE DELETE ON models.aliases
FOR EACH ROW EXECUTE FUNCTION models.refuse_change();
