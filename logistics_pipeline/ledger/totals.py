"""Totals over all files: whether the analytics are out of date, how many rows there are."""

from dataclasses import dataclass

from psycopg.rows import class_row

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState, sql_list
from logistics_core.database_contract.file_warnings import HAS_WARNING
from logistics_core.database_contract.locks import IS_BEING_LOADED
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class Staleness:
    """How far the analytics are behind the loaded data."""

    is_stale: bool
    waited_seconds: float
    """The age of the oldest batch that the analytics do not contain."""
    is_loading: bool
    """A file is being loaded now, with or without Dagster."""


def staleness(connection: Connection) -> Staleness:
    """Compares the committed batches and the links of external ids with those of the last refresh."""
    with connection.cursor(row_factory=class_row(Staleness)) as cursor:
        found = cursor.execute(
            "SELECT count(*) > 0 OR (SELECT full_refresh_due FROM analytics.status) "
            "OR EXISTS (SELECT FROM identity.links WHERE refreshed_as IS NULL) AS is_stale, "
            "coalesce(extract(epoch FROM clock_timestamp() - min(committed_at)), 0)::double precision "
            "AS waited_seconds, "
            f"EXISTS (SELECT FROM ingest.files WHERE state = '{FileState.LOADING}' AND {IS_BEING_LOADED}) "
            "AS is_loading FROM ingest.batches WHERE refreshed_as IS NULL"
        ).fetchone()
    assert found is not None
    return found


def are_files_waiting(connection: Connection) -> bool:
    """Whether a file waits to be loaded, or is being loaded."""
    row = connection.execute(
        f"SELECT EXISTS (SELECT FROM ingest.files WHERE state IN {sql_list(UNFINISHED_STATES)})"
    ).fetchone()
    return row == (True,)


def row_count(connection: Connection, dataset: str) -> int:
    """Rows in the raw table of a dataset, as the sum over its files. Cheap: it counts no rows."""
    row = connection.execute(
        "SELECT coalesce(sum(records_loaded), 0)::bigint FROM ingest.files WHERE dataset = %s", (dataset,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def count_warnings(connection: Connection, threshold: RejectThreshold) -> int:
    """Files whose newest version is loaded with a warning."""
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT ON (path) {HAS_WARNING} AS has_warning "
        "FROM ingest.files AS file ORDER BY path, version DESC) AS latest WHERE has_warning",
        threshold.parameters(),
    ).fetchone()
    assert row is not None
    return int(row[0])
