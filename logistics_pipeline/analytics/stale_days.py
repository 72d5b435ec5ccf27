"""The batches that wait for a refresh, and the days that they made stale: in the transaction's snapshot."""

from collections.abc import Mapping
from datetime import date

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.column_types import type_name
from logistics_core.row_days import day_of_row
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

WaitingFiles = Mapping[str, list[int]]
"""The files whose rows waiting batches wrote, by dataset. A dataset is there also if files were only unloaded."""


class WaitingBatches:
    """The batches that wait when a transaction begins. Each question is asked of the database once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._days: dict[str, list[date]] = {}
        self.files: WaitingFiles = dict(connection.execute(read_sql("analytics/waiting_files").encode()).fetchall())

    def concern(self, dataset: Dataset) -> bool:
        """Whether they change what the records of a dataset are, or when they are of."""
        return dataset.name in self.files or (dataset.dating is not None and dataset.dating.dataset in self.files)

    def stale_days(self, dataset: Dataset) -> list[date]:
        """The days that they made stale of a dataset whose records have days."""
        if dataset.name not in self._days:
            self._days[dataset.name] = _stale_days(self._connection, dataset, self.files)
        return self._days[dataset.name]


def _stale_days(connection: Connection, dataset: Dataset, waiting: WaitingFiles) -> list[date]:
    dating, other = dataset.dating, dataset.dated_through
    assert dating is not None
    if dating.is_own:
        query = sql.SQL(read_sql("analytics/stale_days")).format(name=sql.Literal(dataset.name))
    else:
        assert other is not None
        query = sql.SQL(read_sql("analytics/stale_days_dated_through")).format(
            name=sql.Literal(dataset.name),
            other_name=sql.Literal(other.name),
            table=sql.Identifier("raw", dataset.name),
            other=sql.Identifier("raw", other.name),
            day=day_of_row(other, "dating"),
            key=sql.Identifier(other.key[0]),
            key_type=sql.SQL(type_name(other.field(other.key[0]))),
            field=sql.Identifier(dating.field),
            # Literal, so that the planner sees how many there are.
            files=sql.SQL("{}::int[]").format(sql.Literal(waiting.get(dataset.name, []))),
        )
    return [day for (day,) in connection.execute(query).fetchall()]
