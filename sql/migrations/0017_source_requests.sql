-- What people ask of the pipeline about sources, when each resource is due, and what a source's pulls tell who listens.

CREATE TABLE IF NOT EXISTS source.requests (
    request_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       text NOT NULL,
    resource     text,
    requested_by text NOT NULL CHECK (requested_by <> '' AND length(requested_by) <= 200),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at      timestamptz,
    outcome      text,
    error        text,
    CHECK (outcome IS NULL OR error IS NULL),
    CHECK ((done_at IS NULL) = (coalesce(outcome, error) IS NULL))
);
COMMENT ON TABLE source.requests IS 'Requests to pull a source now; the pipeline serves each once';
COMMENT ON COLUMN source.requests.resource IS 'The one resource that is meant; NULL: all of the source';
COMMENT ON COLUMN source.requests.requested_by IS 'Name of the API key; anonymous without one';
COMMENT ON COLUMN source.requests.done_at IS 'When the pull had begun or was refused; NULL while the request is pending';
COMMENT ON COLUMN source.requests.outcome IS 'What was begun, in a sentence';
COMMENT ON COLUMN source.requests.error IS 'Why it was refused or failed, in a sentence';
CREATE UNIQUE INDEX IF NOT EXISTS requests_pending ON source.requests (source, coalesce(resource, ''))
WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS requests_by_source ON source.requests (source, request_id);

CREATE TABLE IF NOT EXISTS source.due (
    source       text NOT NULL,
    resource     text NOT NULL,
    next_pull_at timestamptz NOT NULL,
    PRIMARY KEY (source, resource)
);
COMMENT ON TABLE source.due IS 'When resources with a schedule are pulled next; Dagster keeps it up to date';

CREATE TABLE IF NOT EXISTS source.totals (
    source           text NOT NULL,
    resource         text NOT NULL,
    complete         bigint NOT NULL DEFAULT 0,
    unchanged        bigint NOT NULL DEFAULT 0,
    abandoned        bigint NOT NULL DEFAULT 0,
    pages            bigint NOT NULL DEFAULT 0,
    records          bigint NOT NULL DEFAULT 0,
    records_landed   bigint NOT NULL DEFAULT 0,
    records_unmapped bigint NOT NULL DEFAULT 0,
    requests         bigint NOT NULL DEFAULT 0,
    retries          bigint NOT NULL DEFAULT 0,
    rate_limited     bigint NOT NULL DEFAULT 0,
    bytes_received   bigint NOT NULL DEFAULT 0,
    seconds          double precision NOT NULL DEFAULT 0,
    seconds_waited   double precision NOT NULL DEFAULT 0,
    seconds_retrying double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (source, resource)
);
COMMENT ON TABLE source.totals IS 'Sums over all pulls that have ended, also those that were deleted: one row per resource';

CREATE TABLE IF NOT EXISTS source.failures (
    source   text NOT NULL,
    resource text NOT NULL,
    kind     text NOT NULL,
    count    bigint NOT NULL,
    PRIMARY KEY (source, resource, kind)
);
COMMENT ON TABLE source.failures IS 'How often pulls have failed, by kind of error; a pull may fail more than once';

CREATE INDEX IF NOT EXISTS pulls_open ON source.pulls (source, resource) WHERE state IN ('running', 'failed', 'paused');
CREATE INDEX IF NOT EXISTS pulls_by_finish ON source.pulls (finished_at);

-- By trigger, in the transaction that ends a pull: no sum counts it twice, and deleting it changes none.
CREATE OR REPLACE FUNCTION source.count_pull() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'failed' THEN
        INSERT INTO source.failures AS known (source, resource, kind, count)
        VALUES (NEW.source, NEW.resource, coalesce(NEW.error_kind, 'unknown'), 1)
        ON CONFLICT (source, resource, kind) DO UPDATE SET count = known.count + 1;
    ELSIF NEW.state IN ('complete', 'unchanged', 'abandoned') THEN
        INSERT INTO source.totals AS known VALUES (
            NEW.source, NEW.resource, (NEW.state = 'complete')::integer, (NEW.state = 'unchanged')::integer,
            (NEW.state = 'abandoned')::integer, NEW.pages, NEW.records, coalesce(NEW.records_landed, 0),
            coalesce(NEW.records_unmapped, 0), NEW.requests, NEW.retries, NEW.rate_limited, NEW.bytes_received,
            NEW.seconds, NEW.seconds_waited, NEW.seconds_retrying
        )
        ON CONFLICT (source, resource) DO UPDATE SET
            complete = known.complete + excluded.complete,
            unchanged = known.unchanged + excluded.unchanged,
            abandoned = known.abandoned + excluded.abandoned,
            pages = known.pages + excluded.pages,
            records = known.records + excluded.records,
            records_landed = known.records_landed + excluded.records_landed,
            records_unmapped = known.records_unmapped + excluded.records_unmapped,
            requests = known.requests + excluded.requests,
            retries = known.retries + excluded.retries,
            rate_limited = known.rate_limited + excluded.rate_limited,
            bytes_received = known.bytes_received + excluded.bytes_received,
            seconds = known.seconds + excluded.seconds,
            seconds_waited = known.seconds_waited + excluded.seconds_waited,
            seconds_retrying = known.seconds_retrying + excluded.seconds_retrying;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION source.count_pull IS 'Adds a pull that has ended to the sums of its resource, and one that has failed to its failures';
CREATE OR REPLACE TRIGGER count_new AFTER INSERT ON source.pulls
FOR EACH ROW WHEN (new.state <> 'running') EXECUTE FUNCTION source.count_pull();
CREATE OR REPLACE TRIGGER count_pull AFTER UPDATE OF state ON source.pulls
FOR EACH ROW WHEN (old.state <> new.state) EXECUTE FUNCTION source.count_pull();

-- One more thing that the API's role can write. It runs with the rights of its owner, so it names every object in full.
-- What is pending for the same source and resource is not requested twice. NULL: there is no such source in force, or a
-- thousand requests are pending already. Of a place of files, it asks the file sensor for a look, which is all there is to
-- do: the request is served at once.
CREATE OR REPLACE FUNCTION source.request_pull(wanted_source text, wanted_resource text, requester text)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    found_id bigint;
BEGIN
    INSERT INTO source.requests (source, requested_by, done_at, outcome)
    SELECT name, requester, pg_catalog.clock_timestamp(), 'The file sensor looks at the place at once.'
    FROM source.sources
    WHERE name = wanted_source AND kind = 'files' AND definition IS NOT NULL AND removed_at IS NULL
    RETURNING request_id INTO found_id;
    IF found_id IS NOT NULL THEN
        PERFORM ingest.request_look(wanted_source);
        RETURN found_id;
    END IF;
    FOR attempt IN 1..5 LOOP
        INSERT INTO source.requests (source, resource, requested_by)
        SELECT name, wanted_resource, requester
        FROM source.sources
        WHERE name = wanted_source AND kind = 'rest' AND definition IS NOT NULL AND removed_at IS NULL
            AND (SELECT count(*) FROM source.requests WHERE done_at IS NULL) < 1000
        ON CONFLICT (source, coalesce(resource, '')) WHERE done_at IS NULL DO NOTHING
        RETURNING request_id INTO found_id;
        IF found_id IS NULL THEN
            SELECT request_id INTO found_id
            FROM source.requests
            WHERE source = wanted_source AND resource IS NOT DISTINCT FROM wanted_resource AND done_at IS NULL;
        END IF;
        EXIT WHEN found_id IS NOT NULL;  -- else the pending one has just been served
    END LOOP;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION source.request_pull IS 'Requests a pull; returns the pending request, NULL if there is no such source in force or too many are pending';
REVOKE ALL ON FUNCTION source.request_pull FROM public;

-- By trigger, so that a change made by hand is noticed as well. Pages are not told: there may be hundreds in a second.
CREATE OR REPLACE FUNCTION source.tell_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := to_jsonb(NEW);
BEGIN
    PERFORM pg_catalog.pg_notify('sources', pg_catalog.jsonb_build_object(
        'table', TG_TABLE_NAME, 'source', coalesce(changed -> 'source', changed -> 'name'),
        'resource', changed -> 'resource', 'pull_id', changed -> 'pull_id', 'state', changed -> 'state',
        'request_id', changed -> 'request_id'
    )::text);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION source.tell_of_change IS 'Tells the API of a change of sources, pulls or requests';
CREATE OR REPLACE TRIGGER tell_of_new AFTER INSERT ON source.sources
FOR EACH ROW EXECUTE FUNCTION source.tell_of_change();
CREATE OR REPLACE TRIGGER tell_of_change AFTER UPDATE ON source.sources
FOR EACH ROW
WHEN ((old.sha256, old.problem, old.removed_at) IS DISTINCT FROM (new.sha256, new.problem, new.removed_at))
EXECUTE FUNCTION source.tell_of_change();
CREATE OR REPLACE TRIGGER tell_of_new AFTER INSERT ON source.pulls
FOR EACH ROW EXECUTE FUNCTION source.tell_of_change();
CREATE OR REPLACE TRIGGER tell_of_change AFTER UPDATE ON source.pulls
FOR EACH ROW
WHEN ((old.state, old.attempts, old.path) IS DISTINCT FROM (new.state, new.attempts, new.path))
EXECUTE FUNCTION source.tell_of_change();
CREATE OR REPLACE TRIGGER tell_of_change AFTER INSERT OR UPDATE ON source.requests
FOR EACH ROW EXECUTE FUNCTION source.tell_of_change();
