-- Sources: what is pulled from other systems, each pull and each page that it fetched, in a schema of its own.

CREATE SCHEMA IF NOT EXISTS source;
COMMENT ON SCHEMA source IS 'Sources, their pulls and the pages that were fetched';

CREATE TABLE IF NOT EXISTS source.sources (
    name       text PRIMARY KEY,
    kind       text CHECK (kind IN ('rest', 'files')),
    title      text NOT NULL DEFAULT '',
    definition json,
    sha256     text,
    problem    text,
    read_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz,
    CHECK (definition IS NOT NULL OR problem IS NOT NULL)
);
COMMENT ON TABLE source.sources IS 'Definitions in the folder of sources as they were last read: one row per file';
COMMENT ON COLUMN source.sources.definition IS 'What the file says, with references to secrets and never their values; the last usable one';
COMMENT ON COLUMN source.sources.sha256 IS 'Of the file';
COMMENT ON COLUMN source.sources.problem IS 'Why the file cannot be used, in a sentence; NULL if it can';
COMMENT ON COLUMN source.sources.removed_at IS 'Since when there is no such file';

CREATE TABLE IF NOT EXISTS source.pulls (
    pull_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source            text NOT NULL,
    resource          text NOT NULL,
    dataset           text,
    mode              text NOT NULL CHECK (mode IN ('changes', 'snapshot', 'append')),
    is_backfill       boolean NOT NULL DEFAULT false,
    state             text NOT NULL DEFAULT 'running'
    CHECK (state IN ('running', 'complete', 'unchanged', 'failed', 'paused', 'abandoned')),
    definition_sha256 text NOT NULL,
    request_sha256    text NOT NULL,
    window_start      timestamptz,
    window_end        timestamptz,
    start_cursor      text,
    end_cursor        text,
    parent_pull_id    bigint,
    attempts          integer NOT NULL DEFAULT 1,
    started_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempted_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    heard_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at       timestamptz,
    paused_until      timestamptz,
    pages             integer NOT NULL DEFAULT 0,
    records           bigint NOT NULL DEFAULT 0,
    records_landed    bigint,
    records_unmapped  bigint,
    unmapped          json,
    records_vanished  bigint,
    expected_records  bigint,
    requests          integer NOT NULL DEFAULT 0,
    retries           integer NOT NULL DEFAULT 0,
    rate_limited      integer NOT NULL DEFAULT 0,
    bytes_received    bigint NOT NULL DEFAULT 0,
    seconds           double precision NOT NULL DEFAULT 0,
    seconds_waited    double precision NOT NULL DEFAULT 0,
    seconds_retrying  double precision NOT NULL DEFAULT 0,
    newest_record_at  timestamptz,
    warnings          text[] NOT NULL DEFAULT '{}',
    error_kind        text,
    error             text,
    advice            text,
    path              text,
    content_sha256    text,
    mapping_sha256    text,
    remapped_at       timestamptz,
    run_id            text,
    CHECK (state <> 'complete' OR dataset IS NULL OR records = records_landed + records_unmapped),
    CHECK ((state = 'paused') = (paused_until IS NOT NULL)),
    CHECK ((state = 'failed') = (error IS NOT NULL) OR state IN ('paused', 'abandoned'))
);
COMMENT ON TABLE source.pulls IS 'Pulls of one resource of a source: one row per pull, however often it was attempted';
COMMENT ON COLUMN source.pulls.state IS 'unchanged: complete, and its file would be that of the pull before, so that none was landed; abandoned: a pull with another definition took its place';
COMMENT ON COLUMN source.pulls.request_sha256 IS 'Of what the requests are made of: a pull goes on only where this is the same';
COMMENT ON COLUMN source.pulls.window_start IS 'Records changed since then were asked for; NULL: all';
COMMENT ON COLUMN source.pulls.window_end IS 'Until then, by the clock of the server: the next pull begins a lookback before';
COMMENT ON COLUMN source.pulls.start_cursor IS 'Cursor of a feed where the pull began';
COMMENT ON COLUMN source.pulls.parent_pull_id IS 'Newest pull of the parent resource whose records were asked about';
COMMENT ON COLUMN source.pulls.attempts IS 'Times that it was begun or gone on with';
COMMENT ON COLUMN source.pulls.heard_at IS 'When its last page was archived';
COMMENT ON COLUMN source.pulls.paused_until IS 'When the source may be asked again';
COMMENT ON COLUMN source.pulls.records IS 'Records in its pages: those in its file and those that were not mapped together';
COMMENT ON COLUMN source.pulls.records_unmapped IS 'Records that could not become records of the dataset';
COMMENT ON COLUMN source.pulls.unmapped IS 'Their number by reason';
COMMENT ON COLUMN source.pulls.records_vanished IS 'Of a snapshot: keys of the one before that it does not have';
COMMENT ON COLUMN source.pulls.expected_records IS 'Total that the source named at the end';
COMMENT ON COLUMN source.pulls.rate_limited IS 'Responses that asked for slower requests (429, 503 with Retry-After)';
COMMENT ON COLUMN source.pulls.bytes_received IS 'Bytes of the pages, decompressed';
COMMENT ON COLUMN source.pulls.seconds IS 'Of all attempts, waiting included';
COMMENT ON COLUMN source.pulls.seconds_retrying IS 'Of them, spent in requests that failed and the pauses after them';
COMMENT ON COLUMN source.pulls.newest_record_at IS 'Newest time of a record: how far the data reach';
COMMENT ON COLUMN source.pulls.path IS 'Of its file, as in ingest.files; NULL if none was landed';
COMMENT ON COLUMN source.pulls.content_sha256 IS 'Of the records of its file, whether it was landed or not';
COMMENT ON COLUMN source.pulls.mapping_sha256 IS 'Of the mapping that its file was made with';
COMMENT ON COLUMN source.pulls.remapped_at IS 'When its file was made anew from the archive';
CREATE INDEX IF NOT EXISTS pulls_by_resource ON source.pulls (source, resource, pull_id);
CREATE INDEX IF NOT EXISTS pulls_by_path ON source.pulls (path) WHERE path IS NOT NULL;

CREATE TABLE IF NOT EXISTS source.pages (
    pull_id      bigint NOT NULL REFERENCES source.pulls ON DELETE CASCADE,
    part         integer NOT NULL,
    number       integer NOT NULL,
    parent       text,
    sha256       text NOT NULL,
    method       text NOT NULL,
    url          text NOT NULL,
    status       smallint NOT NULL,
    headers      json NOT NULL,
    received_at  timestamptz NOT NULL,
    seconds      real NOT NULL,
    attempts     smallint NOT NULL,
    bytes        bigint NOT NULL,
    records      integer NOT NULL,
    first_record bigint,
    total        bigint,
    next         json,
    PRIMARY KEY (pull_id, part, number)
);
COMMENT ON TABLE source.pages IS 'Pages in the archive: one row per page of a pull; the last one of each part is where it goes on';
COMMENT ON COLUMN source.pages.part IS 'Which walk through pages: one per window and parent, counted from 0';
COMMENT ON COLUMN source.pages.number IS 'Counted from 1 within its part';
COMMENT ON COLUMN source.pages.parent IS 'Value of the parent that was asked about';
COMMENT ON COLUMN source.pages.sha256 IS 'Of the body as received, decompressed: its name in the archive';
COMMENT ON COLUMN source.pages.url IS 'Without secrets';
COMMENT ON COLUMN source.pages.first_record IS 'Number of its first record within the pull, counted from 1; set when the pull is complete';
COMMENT ON COLUMN source.pages.total IS 'Number of records that the page says there are';
COMMENT ON COLUMN source.pages.next IS 'How the next page is asked for; NULL: it is the last one of its part';
CREATE INDEX IF NOT EXISTS pages_by_content ON source.pages (sha256);

CREATE TABLE IF NOT EXISTS source.snapshot_keys (
    source     text NOT NULL,
    resource   text NOT NULL,
    key        text NOT NULL,
    first_pull bigint NOT NULL,
    last_pull  bigint NOT NULL,
    PRIMARY KEY (source, resource, key)
);
COMMENT ON TABLE source.snapshot_keys IS 'Keys that snapshots of a resource have had: one row per key; it has vanished if its last pull is not the last one';

CREATE TABLE IF NOT EXISTS source.rate_limits (
    source        text PRIMARY KEY,
    full_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    blocked_until timestamptz,
    day           date NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC')::date,
    requests      bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE source.rate_limits IS 'How fast each source may be asked: one row per source that has a limit, or has named one';
COMMENT ON COLUMN source.rate_limits.full_at IS 'When its token bucket will be full again';
COMMENT ON COLUMN source.rate_limits.blocked_until IS 'By the last response that asked to be left alone';
COMMENT ON COLUMN source.rate_limits.requests IS 'Requests on that day (UTC)';
