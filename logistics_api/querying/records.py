"""The records that questions are about, in SQL: as they are or as of a file, and of those the ones that may be seen."""

from datetime import UTC, date, datetime

from psycopg import sql

from logistics_api.as_of.relations import table_of_records
from logistics_api.database.pool import Database
from logistics_api.row_access.permitted import PermittedRows, refuse_as_of
from logistics_core.catalogue import Dataset
from logistics_core.metrics import rollups

Days = tuple[date | None, date | None, date | None]
"""The first and the last day with records, and the last that is not in the future; None if there is none."""


def records_of(dataset: Dataset, as_of: int | None, permitted: PermittedRows | None) -> sql.Composable:
    """The records of a dataset: as they are now, or as of a file; of these, the rows that may be seen.

    Raises:
        Problem: 403, none may be seen.
    """
    if permitted is not None:
        refuse_as_of(permitted, as_of)
        return permitted.records(dataset)
    return table_of_records(dataset, None if as_of is None else sql.Literal(as_of))


def source_of(dataset: Dataset, as_of: int | None, permitted: PermittedRows | None) -> sql.Composable:
    """The records that a question is about as `page`, with those that date them.

    The day of a record belongs to it: it counts even where the record that it comes from may not be seen.
    """
    other = dataset.dated_through
    dating = None if other is None else records_of(other, as_of, None)
    return rollups.source(dataset, records_of(dataset, as_of, permitted), dating)


async def read_days(database: Database, dataset: Dataset, as_of: int | None, permitted: PermittedRows | None) -> Days:
    """The days of a dataset whose records have some.

    Raises:
        Problem: as `Database.fetch_row`.
    """
    day = rollups.day_of(dataset)
    assert day is not None
    statement = sql.SQL(
        "SELECT min({day}), max({day}), max({day}) FILTER (WHERE {day} <= %(today)s) FROM {source}"
    ).format(day=day, source=source_of(dataset, as_of, permitted))
    today = datetime.now(UTC).date()
    first, last, newest = await database.fetch_row(statement.as_string(), {"today": today})
    return first, last, newest
