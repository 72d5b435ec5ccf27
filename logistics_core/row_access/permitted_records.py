"""The records of a dataset that a filter lets through, in SQL: what statements read in place of the raw table.

Whatever a statement makes of them (counts, joins, groups), it is what a database with these records alone would give.
"""

from psycopg import sql
from psycopg.abc import AdaptContext

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.metrics import Value
from logistics_core.metrics.conditions import EVERYTHING, Filter, fields_in, sql_of
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.relations import Joins, raw_table

# The planner merges it with the statement around it, so indexes serve both. `ctid` is what exports read by.
_RECORDS = "(SELECT page.ctid, page.* FROM {table} AS page {joins} WHERE {condition})"


class _Literal(sql.Literal):
    """A literal of a statement with parameters, whose percent signs are doubled."""

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        return super().as_bytes(context).replace(b"%", b"%%")


def _bind(value: Value) -> sql.Composable:
    return _Literal(value)


def permitted_records(dataset: Dataset, filter: Filter, catalogue: Catalogue) -> sql.Composable:
    """A table, or a subquery without an alias, for statements with parameters.

    The records that the filter's paths lead to are looked at whether or not they may be seen themselves.
    """
    if filter == EVERYTHING:
        return raw_table(dataset.name)
    joins = Joins()
    paths = [read_path(path, dataset, catalogue) for path in sorted(fields_in(filter))]
    columns = {path.name: joins.column(path, dataset, catalogue) for path in paths}
    condition = sql_of(filter, columns.__getitem__, _bind)
    return sql.SQL(_RECORDS).format(
        table=raw_table(dataset.name), joins=sql.SQL(" ").join(joins.clauses), condition=condition
    )
