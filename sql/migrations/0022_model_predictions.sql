-- What models predicted, and how right that was; what they find odd; jobs.

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
    RETURN found;
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
    SELECT array_agg(each.probability::double precision ORDER BY each.place) AS probabilities
    FROM jsonb_array_elements_text(versions.outputs -> 'probabilities') WITH ORDINALITY AS each (probability, place)
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
