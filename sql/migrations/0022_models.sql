-- Models: versions with their bytes, back-tests and history; what they predicted, and how right that was; jobs.

CREATE SCHEMA IF NOT EXISTS models;
COMMENT ON SCHEMA models IS 'Models: versions, back-tests, history, predictions and their scores, jobs';

CREATE TABLE IF NOT EXISTS models.models (
    model       text PRIMARY KEY CHECK (model ~ '^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$'),
    dataset     text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('duration', 'odd_values')),
    declaration jsonb NOT NULL,
    is_held     boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz,
    data_version bigint,
    retired_at  timestamptz
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
    model        text NOT NULL REFERENCES models.models,
    version      integer NOT NULL CHECK (version >= 1),
    state        text NOT NULL DEFAULT 'registered'
        CHECK (state IN ('registered', 'staging', 'production', 'archived')),
    method       text NOT NULL,
    format       text NOT NULL,
    sha256       text NOT NULL,
    companion_sha256 text,
    input_schema jsonb NOT NULL,
    outputs      jsonb NOT NULL,
    card         jsonb NOT NULL,
    declaration  text NOT NULL,
    code_version text NOT NULL,
    data_version bigint NOT NULL,
    trained_on   bigint NOT NULL,
    first_day    date,
    last_day     date,
    author       text NOT NULL CHECK (author <> '' AND length(author) <= 200),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds      double precision NOT NULL,
    memory_bytes bigint NOT NULL,
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

-- -- predictions ---------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS models.executions (
    execution_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model         text NOT NULL REFERENCES models.models,
    version       integer,
    kind          text NOT NULL CHECK (kind IN ('train', 'score', 'job')),
    data_version  bigint,
    rows          bigint NOT NULL CHECK (rows >= 0),
    scored        bigint NOT NULL DEFAULT 0,
    seconds       double precision NOT NULL,
    cpu_seconds   double precision NOT NULL,
    queue_seconds double precision,
    memory_bytes  bigint NOT NULL,
    error         text,
    finished_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS executions_by_model ON models.executions (model, kind, execution_id);
COMMENT ON TABLE models.executions IS 'What models have cost: one row per execution';
COMMENT ON COLUMN models.executions.rows IS 'Records that were learnt from, or predicted';
COMMENT ON COLUMN models.executions.scored IS 'Earlier predictions of which the truth had arrived';
COMMENT ON COLUMN models.executions.queue_seconds IS 'How long a job waited';
COMMENT ON COLUMN models.executions.memory_bytes IS 'Highest resident memory of the process until then';

CREATE TABLE IF NOT EXISTS models.predictions (
    model          text NOT NULL,
    key            jsonb NOT NULL,
    version        integer NOT NULL,
    execution_id   bigint NOT NULL REFERENCES models.executions,
    is_ahead       boolean NOT NULL,
    started_on     date NOT NULL,
    inputs         jsonb NOT NULL,
    quantiles      real[] NOT NULL,
    promise        real,
    late_risk      real CHECK (late_risk BETWEEN 0 AND 1),
    naive          real NOT NULL,
    predicted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    actual         double precision,
    actual_version bigint,
    actual_at      timestamptz,
    PRIMARY KEY (model, key),
    FOREIGN KEY (model, version) REFERENCES models.versions
);
CREATE INDEX IF NOT EXISTS predictions_open ON models.predictions (model, started_on) WHERE actual IS NULL;
CREATE INDEX IF NOT EXISTS predictions_scored ON models.predictions (model, actual_at) WHERE actual IS NOT NULL;
COMMENT ON TABLE models.predictions IS 'Predicted durations: one row per model and record, as it was first predicted';
COMMENT ON COLUMN models.predictions.key IS 'The key of the record, as an array';
COMMENT ON COLUMN models.predictions.is_ahead IS 'Whether the truth was not known to the database then; otherwise the record came with it, after the version was trained';
COMMENT ON COLUMN models.predictions.quantiles IS 'By the probabilities of the version, in the unit of the field';
COMMENT ON COLUMN models.predictions.promise IS 'What was promised, or what counts as on time; NULL if nothing does';
COMMENT ON COLUMN models.predictions.late_risk IS 'Probability that it takes longer than that';
COMMENT ON COLUMN models.predictions.naive IS 'The median of its group, to compare with';
COMMENT ON COLUMN models.predictions.actual IS 'What came true, as it is known now';
COMMENT ON COLUMN models.predictions.actual_version IS 'The data version that changed it last';

CREATE TABLE IF NOT EXISTS models.drift (
    model       text NOT NULL,
    version     integer NOT NULL,
    input       text NOT NULL,
    records     bigint NOT NULL,
    psi         double precision NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, version, input),
    FOREIGN KEY (model, version) REFERENCES models.versions
);
COMMENT ON TABLE models.drift IS 'How far inputs have moved from those in training: one row per version and input';
COMMENT ON COLUMN models.drift.psi IS 'Population stability index of the newest records: above 0.25 they are of another kind';

CREATE TABLE IF NOT EXISTS models.odd_values (
    model        text NOT NULL,
    subject      text NOT NULL CHECK (subject IN ('record', 'group')),
    key          jsonb NOT NULL,
    version      integer NOT NULL,
    day          date NOT NULL,
    actual       double precision NOT NULL,
    expected     double precision NOT NULL,
    effect       double precision NOT NULL,
    score        double precision NOT NULL,
    records      integer NOT NULL DEFAULT 1,
    reason       text NOT NULL,
    data_version bigint NOT NULL,
    found_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, subject, key),
    FOREIGN KEY (model, version) REFERENCES models.versions
);
CREATE INDEX IF NOT EXISTS odd_values_by_day ON models.odd_values (model, day);
COMMENT ON TABLE models.odd_values IS 'Values that are odd now, of single records and of groups lately: one row per finding; a corrected record has none';
COMMENT ON COLUMN models.odd_values.effect IS 'Actual divided by expected';
COMMENT ON COLUMN models.odd_values.score IS 'How many usual deviations it is away';
COMMENT ON COLUMN models.odd_values.reason IS 'Why, in a sentence';

-- -- jobs ----------------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS models.jobs (
    job_id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    model           text NOT NULL REFERENCES models.models,
    version         integer,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    idempotency_key text CHECK (length(idempotency_key) BETWEEN 1 AND 200),
    input           jsonb NOT NULL CHECK (jsonb_typeof(input) = 'array'),
    rows            integer NOT NULL CHECK (rows BETWEEN 1 AND 100000),
    rows_done       integer NOT NULL DEFAULT 0,
    requested_by    text NOT NULL CHECK (requested_by <> '' AND length(requested_by) <= 200),
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts        integer NOT NULL DEFAULT 0,
    lease           uuid,
    lease_until     timestamptz,
    started_at      timestamptz,
    finished_at     timestamptz,
    seconds         double precision,
    memory_bytes    bigint,
    error           text,
    CHECK ((state = 'running') = (lease IS NOT NULL)),
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'done' OR rows_done = rows)
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_idempotency_key
ON models.jobs (requested_by, model, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_open ON models.jobs (requested_at) WHERE state IN ('queued', 'running');
COMMENT ON TABLE models.jobs IS 'Predictions that somebody has asked for, to be made by a worker: one row per job';
COMMENT ON COLUMN models.jobs.version IS 'The version asked for, then the one that answers; NULL: the champion when it starts';
COMMENT ON COLUMN models.jobs.input IS 'One object of inputs per row';
COMMENT ON COLUMN models.jobs.lease IS 'Of the worker that has it. It ends by itself: then another one goes on where the results end';

CREATE TABLE IF NOT EXISTS models.job_results (
    job_id uuid NOT NULL REFERENCES models.jobs ON DELETE CASCADE,
    number integer NOT NULL CHECK (number >= 0),
    output jsonb NOT NULL,
    PRIMARY KEY (job_id, number)
);
COMMENT ON TABLE models.job_results IS 'Results of jobs: one row per row of the input, by its number from 0';

-- What the API's role can write: it runs with the rights of its owner, so it names every object in full.
-- The same idempotency key of the same requester gives the same job. NULL: there is no such model, or no version that can
-- answer, or a thousand jobs wait.
CREATE OR REPLACE FUNCTION models.request_job(
    wanted_model text, wanted_version integer, wanted_input jsonb, wanted_key text, requester text
)
RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    found_id uuid;
BEGIN
    IF wanted_key IS NOT NULL THEN
        SELECT job_id INTO found_id FROM models.jobs
        WHERE requested_by = requester AND model = wanted_model AND idempotency_key = wanted_key;
        IF found_id IS NOT NULL THEN
            RETURN found_id;
        END IF;
    END IF;
    IF (SELECT pg_catalog.count(*) FROM models.jobs WHERE state IN ('queued', 'running')) >= 1000 THEN
        RETURN NULL;
    END IF;
    INSERT INTO models.jobs (model, version, input, rows, idempotency_key, requested_by)
    SELECT wanted_model, wanted_version, wanted_input, pg_catalog.jsonb_array_length(wanted_input), wanted_key, requester
    WHERE EXISTS (
        SELECT FROM models.versions
        WHERE model = wanted_model
            AND CASE WHEN wanted_version IS NULL THEN state = 'production' ELSE version = wanted_version END
    )
    ON CONFLICT (requested_by, model, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING job_id INTO found_id;
    IF found_id IS NULL AND wanted_key IS NOT NULL THEN  -- somebody else was faster
        SELECT job_id INTO found_id FROM models.jobs
        WHERE requested_by = requester AND model = wanted_model AND idempotency_key = wanted_key;
    END IF;
    IF found_id IS NOT NULL THEN
        PERFORM pg_catalog.pg_notify('model_jobs', found_id::text);
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION models.request_job IS 'Asks for predictions; returns the job, NULL if no version can answer or a thousand jobs wait';
REVOKE ALL ON FUNCTION models.request_job FROM public;

CREATE OR REPLACE FUNCTION models.cancel_job(wanted_id uuid)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    UPDATE models.jobs
    SET state = 'cancelled', finished_at = pg_catalog.clock_timestamp(), lease = NULL, lease_until = NULL
    WHERE job_id = wanted_id AND state IN ('queued', 'running');
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION models.cancel_job IS 'Cancels a job that has not ended; says whether it has';
REVOKE ALL ON FUNCTION models.cancel_job FROM public;

-- Every prediction of which the truth is known, with its errors: one row per model and record.
CREATE OR REPLACE VIEW models.scores AS
SELECT
    predictions.model,
    predictions.version,
    predictions.key,
    predictions.is_ahead,
    predictions.started_on,
    predictions.actual_at,
    predictions.actual,
    central.point - predictions.actual AS error,
    predictions.naive - predictions.actual AS naive_error,
    predictions.actual BETWEEN central.lower_90 AND central.upper_90 AS is_within_90,
    predictions.actual BETWEEN central.lower_80 AND central.upper_80 AS is_within_80,
    (
        SELECT avg(
            CASE
                WHEN predictions.actual >= each.quantile THEN each.probability * (predictions.actual - each.quantile)
                ELSE (1 - each.probability) * (each.quantile - predictions.actual)
            END
        )
        FROM unnest(predictions.quantiles, central.probabilities) AS each (quantile, probability)
    ) AS pinball,
    predictions.promise,
    predictions.late_risk,
    predictions.actual > predictions.promise AS is_late
FROM models.predictions AS predictions
INNER JOIN models.versions AS versions
    ON predictions.model = versions.model AND predictions.version = versions.version
CROSS JOIN LATERAL ( -- noqa: ST05
    SELECT ARRAY(SELECT jsonb_array_elements_text(versions.outputs -> 'probabilities')::double precision) AS probabilities
) AS of_version
CROSS JOIN LATERAL ( -- noqa: ST05
    SELECT
        of_version.probabilities,
        predictions.quantiles[array_position(of_version.probabilities, 0.5)] AS point,
        predictions.quantiles[array_position(of_version.probabilities, 0.05)] AS lower_90,
        predictions.quantiles[array_position(of_version.probabilities, 0.95)] AS upper_90,
        predictions.quantiles[array_position(of_version.probabilities, 0.1)] AS lower_80,
        predictions.quantiles[array_position(of_version.probabilities, 0.9)] AS upper_80
) AS central
WHERE predictions.actual IS NOT NULL;
COMMENT ON VIEW models.scores IS 'Predictions beside what came true: one row per model and record of which it is known';
COMMENT ON COLUMN models.scores.error IS 'Predicted median less actual, in the unit of the field';
COMMENT ON COLUMN models.scores.pinball IS 'Mean pinball loss over the quantiles';
