"""Statements about sources, their pulls and pages. They only read, but for the one that requests a pull."""

from collections.abc import Collection

from logistics_api.ingestion.filters import where
from logistics_api.sources.schemas import ResourceState
from logistics_core.database_contract.locks import IS_BEING_PULLED
from logistics_core.database_contract.pull_states import PullState
from logistics_core.database_contract.sources import REQUEST_PULL

DONE_STATES = f"'{PullState.COMPLETE}', '{PullState.UNCHANGED}'"
"""Of pulls that have read all that there was."""

_FILE = """
CASE WHEN pull.path IS NOT NULL THEN (
    SELECT json_build_object(
        'path', pull.path,
        'file_id', max(file.file_id),
        'state', max(file.state),
        'records', CASE WHEN count(*) > 0 THEN json_build_object(
            'read', max(file.records_read),
            'loaded', max(file.records_loaded),
            'superseded', max(file.records_superseded),
            'rejected', max(file.records_rejected)
        ) END
    )
    FROM (
        SELECT file_id, state, records_read, records_loaded, records_superseded, records_rejected
        FROM ingest.files
        WHERE path = pull.path
        ORDER BY version DESC
        LIMIT 1
    ) AS file
) END
"""

PULL = f"""
json_build_object(
    'pull_id', pull.pull_id,
    'source', pull.source,
    'resource', pull.resource,
    'dataset', pull.dataset,
    'mode', pull.mode,
    'is_backfill', pull.is_backfill,
    'state', pull.state,
    'window_start', pull.window_start,
    'window_end', pull.window_end,
    'attempts', pull.attempts,
    'started_at', pull.started_at,
    'attempted_at', pull.attempted_at,
    'finished_at', pull.finished_at,
    'paused_until', pull.paused_until,
    'pages', pull.pages,
    'records', json_build_object(
        'read', pull.records,
        'landed', pull.records_landed,
        'unmapped', pull.records_unmapped,
        'vanished', pull.records_vanished,
        'expected', pull.expected_records
    ),
    'unmapped', pull.unmapped,
    'requests', pull.requests,
    'retries', pull.retries,
    'rate_limited', pull.rate_limited,
    'bytes', pull.bytes_received,
    'seconds', round(pull.seconds::numeric, 3),
    'seconds_waited', round(pull.seconds_waited::numeric, 3),
    'seconds_retrying', round(pull.seconds_retrying::numeric, 3),
    'newest_record_at', pull.newest_record_at,
    'lag_seconds', round(extract(epoch FROM pull.finished_at - pull.newest_record_at), 3),
    'warnings', pull.warnings,
    'error_kind', pull.error_kind,
    'error', pull.error,
    'advice', pull.advice,
    'file', {_FILE},
    'remapped_at', pull.remapped_at,
    'run_id', pull.run_id,
    'run_url', %(dagster_url)s::text || '/runs/' || pull.run_id
)
"""
"""A pull as JSON, from a row `pull` of source.pulls, with the address of the Dagster UI as a parameter."""

RESOURCE_STATE = f"""
CASE
    WHEN newest.state = '{PullState.RUNNING}' AND NOT newest.is_alive THEN '{ResourceState.INTERRUPTED}'
    WHEN newest.pull_id IS NULL OR newest.state = '{PullState.ABANDONED}' THEN '{ResourceState.NEVER}'
    WHEN newest.state IN ({DONE_STATES}) THEN '{ResourceState.CURRENT}'
    ELSE newest.state
END
"""

BEHIND_SECONDS = "extract(epoch FROM clock_timestamp() - coalesce(done.window_end, done.started_at))"
"""Since the moment up to which everything was read, in seconds."""

SUMMED = (
    "pages", "records", "requests", "retries", "rate_limited", "bytes_received", "seconds", "seconds_waited",
    "seconds_retrying",
)  # fmt: skip
"""Columns of source.pulls of which source.totals has the sums over the pulls that have ended."""

RESOURCES = f"""
json_array_elements(known.definition -> 'resources') WITH ORDINALITY AS listed (document, position)
CROSS JOIN LATERAL (SELECT document ->> 'name' AS name) AS resource
LEFT JOIN LATERAL (
    SELECT pull_id, state, error_kind, state = '{PullState.RUNNING}' AND {IS_BEING_PULLED} AS is_alive
    FROM source.pulls AS pull
    WHERE source = known.name AND resource = resource.name AND NOT is_backfill
    ORDER BY pull_id DESC
    LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT started_at, finished_at, window_end, newest_record_at
    FROM source.pulls
    WHERE source = known.name AND resource = resource.name AND state IN ({DONE_STATES}) AND NOT is_backfill
    ORDER BY pull_id DESC
    LIMIT 1
) AS done ON true
LEFT JOIN LATERAL (
    SELECT {", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in SUMMED)}
    FROM source.pulls
    WHERE source = known.name AND resource = resource.name AND state IN ('running', 'failed', 'paused')
) AS unfinished ON true
LEFT JOIN source.totals AS totals ON totals.source = known.name AND totals.resource = resource.name
LEFT JOIN source.due AS due ON due.source = known.name AND due.resource = resource.name
"""
"""The resources of a row `known` of source.sources, with what is known about the pulls of each."""


def summed(name: str) -> str:
    """The sum of a column of source.pulls over all pulls of a resource of `RESOURCES`."""
    return f"coalesce(totals.{name}, 0) + unfinished.{name}"


_RESOURCE = f"""
json_build_object(
    'resource', resource.name,
    'title', coalesce(document ->> 'title', resource.name),
    'dataset', document ->> 'dataset',
    'path', document ->> 'path',
    'parent', document -> 'parent' ->> 'resource',
    'mode', coalesce(document ->> 'mode', 'changes'),
    'schedule', document ->> 'schedule',
    'state', {RESOURCE_STATE},
    'next_pull_at', due.next_pull_at,
    'last_success_at', done.finished_at,
    'behind_seconds', round({BEHIND_SECONDS}, 1),
    'newest_record_at', done.newest_record_at,
    'totals', json_build_object(
        'complete', coalesce(totals.complete, 0) + coalesce(totals.unchanged, 0),
        'unchanged', coalesce(totals.unchanged, 0),
        'failures', (
            SELECT coalesce(sum(count), 0)
            FROM source.failures AS failure
            WHERE failure.source = known.name AND failure.resource = resource.name
        ),
        'failures_by_kind', (
            SELECT coalesce(json_object_agg(kind, count ORDER BY kind), '{{}}')
            FROM source.failures AS failure
            WHERE failure.source = known.name AND failure.resource = resource.name
        ),
        'pages', {summed("pages")},
        'records', {summed("records")},
        'requests', {summed("requests")},
        'retries', {summed("retries")},
        'rate_limited', {summed("rate_limited")},
        'bytes', {summed("bytes_received")}
    ),
    'latest_pull', (SELECT {PULL} FROM source.pulls AS pull WHERE pull.pull_id = newest.pull_id),
    'pending_request', (
        SELECT json_build_object(
            'request_id', request_id, 'requested_by', requested_by, 'requested_at', requested_at
        )
        FROM source.requests AS request
        WHERE request.source = known.name AND request.done_at IS NULL
            AND (request.resource IS NULL OR request.resource = resource.name)
        ORDER BY request_id
        LIMIT 1
    )
)
"""

_SUMMARY = f"""
jsonb_build_object(
    'source', known.name,
    'kind', known.kind,
    'title', coalesce(nullif(known.title, ''), known.name),
    'description', coalesce(known.definition ->> 'description', ''),
    'url', coalesce(known.definition ->> 'baseUrl', known.definition ->> 'url'),
    'is_in_force', known.definition IS NOT NULL AND known.removed_at IS NULL,
    'problem', known.problem,
    'read_at', known.read_at,
    'resources', coalesce((SELECT json_agg({_RESOURCE} ORDER BY position) FROM {RESOURCES}), '[]'),
    'place', (
        SELECT json_build_object(
            'looked_at', looked_at, 'next_look_at', next_look_at, 'files', files,
            'error', error, 'failing_since', failing_since
        )
        FROM ingest.places
        WHERE ingest.places.name = known.name
    )
)
"""

SOURCES = f"""
-- Returns the sources that have a definition file, with their resources.
-- One row: a JSON object.
-- Reads source.sources, source.pulls, source.totals, source.failures, source.due, source.requests, ingest.files,
-- ingest.places.
SELECT json_build_object('sources', coalesce(json_agg({_SUMMARY} ORDER BY known.name COLLATE "C"), '[]'))::text
FROM source.sources AS known
WHERE known.removed_at IS NULL
"""

ONE_SOURCE = f"""
-- Returns a source with its definition, also one whose definition file is gone.
-- One row: a JSON object, NULL if there is no such source.
-- Reads source.sources, source.pulls, source.totals, source.failures, source.due, source.requests, ingest.files,
-- ingest.places.
SELECT (
    -- As text: jsonb would not keep the order in which the definition was written.
    SELECT
        left({_SUMMARY}::text, -1) || ',"sha256":' || coalesce(to_json(known.sha256)::text, 'null')
        || ',"definition":' || coalesce(known.definition::text, 'null') || '}}'
    FROM source.sources AS known
    WHERE known.name = %(source)s
)
"""

IS_SOURCE = "EXISTS (SELECT FROM source.sources WHERE name = %(source)s)"

_PULL_FILTERS = {
    "resource": "pull.resource = %(resource)s",
    "state": "pull.state = ANY(%(state)s)",
    "after": "pull.pull_id < %(after)s",
}


def pulls(given: Collection[str]) -> str:
    """Builds the query for a page of the pulls of a source, newest first.

    One row: whether the source exists; a JSON array; the pull_id of the last entry; whether there are more. Reads
    source.sources, source.pulls, ingest.files.
    """
    filters = {"source": "pull.source = %(source)s"} | _PULL_FILTERS
    return f"""
SELECT
    {IS_SOURCE},
    coalesce(json_agg(document ORDER BY pull_id DESC) FILTER (WHERE number <= %(limit)s), '[]')::text,
    min(pull_id) FILTER (WHERE number <= %(limit)s),
    count(*) > %(limit)s
FROM (
    SELECT pull_id, row_number() OVER (ORDER BY pull_id DESC) AS number, {PULL} AS document
    FROM source.pulls AS pull
    {where(filters, {"source", *given})}
    ORDER BY pull_id DESC
    LIMIT %(limit)s + 1
) AS page
"""


ONE_PULL = f"""
-- Returns a pull, and a page of its pages in the order in which they were fetched.
-- One row: a JSON object, NULL if the source has no such pull; a JSON array of pages; part and number of the last of
-- them; whether there are more.
-- Reads source.pulls, source.pages, ingest.files.
SELECT
    (
        SELECT {PULL}::text
        FROM source.pulls AS pull
        WHERE pull_id = %(pull_id)s AND source = %(source)s
    ),
    coalesce(json_agg(document ORDER BY position) FILTER (WHERE position <= %(limit)s), '[]')::text,
    max(part) FILTER (WHERE position = least(%(limit)s, entries)),
    max(number) FILTER (WHERE position = least(%(limit)s, entries)),
    count(*) > %(limit)s
FROM (
    SELECT
        part,
        number,
        row_number() OVER (ORDER BY part, number) AS position,
        count(*) OVER () AS entries,
        json_build_object(
            'part', part,
            'number', number,
            'parent', parent,
            'method', method,
            'url', url,
            'status', status,
            'headers', headers,
            'received_at', received_at,
            'seconds', round(seconds::numeric, 3),
            'attempts', attempts,
            'bytes', bytes,
            'sha256', sha256,
            'records', records,
            'first_record', first_record,
            'total', total
        ) AS document
    FROM source.pages
    WHERE pull_id = %(pull_id)s AND (part, number) > (%(after_part)s, %(after_number)s)
    ORDER BY part, number
    LIMIT %(limit)s + 1
) AS page
"""

WHAT_CAN_BE_PULLED = """
-- Says of a source what a request to pull it depends on.
-- One row: whether there is a definition file; kind; problem; names of the resources, NULL without a usable definition.
-- Reads source.sources.
SELECT
    coalesce(bool_or(removed_at IS NULL), false),
    max(kind),
    max(problem),
    (
        SELECT array_agg(document ->> 'name')
        FROM source.sources AS known, json_array_elements(known.definition -> 'resources') AS document
        WHERE known.name = %(source)s
    )
FROM source.sources
WHERE name = %(source)s
"""

MAKE_REQUEST = f"""
-- Requests a pull; NULL if there is no such source in force.
-- One row: the number of the pending request.
SELECT {REQUEST_PULL}
"""

ONE_REQUEST = """
-- Returns a request about a source.
-- One row: a JSON object, NULL if there is no such request; how many seconds ago it was made.
-- Reads source.requests.
SELECT
    (array_agg(jsonb_build_object(
        'request_id', request_id,
        'source', source,
        'resource', resource,
        'requested_by', requested_by,
        'requested_at', requested_at,
        'done_at', done_at,
        'outcome', outcome,
        'error', error
    )))[1]::text,
    coalesce(max(extract(epoch FROM clock_timestamp() - requested_at)), 0)::double precision
FROM source.requests
WHERE request_id = %(request_id)s AND source = %(source)s
"""
