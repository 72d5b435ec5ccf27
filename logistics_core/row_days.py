"""The day of a row in SQL, for statements that filter, count or group rows by day.

The day of a record's own timestamp follows from the time zone of the contract (`datedBy.timeZone`, otherwise UTC), not
from that of the database session. The loader computes the same day (`loading.contract.record_days`).
"""

from psycopg import sql

from logistics_core.catalogue import Dataset, FieldType


def day_of_row(dataset: Dataset, row: str | None = None) -> sql.Composable | None:
    """The expression, of type `date`, for the day of a row of a dataset whose records hold their own date.

    `row` is what the statement calls the table of the dataset; without it, the column is not qualified. None if records
    have no day, or take it from another dataset: join the table of `dataset.dated_through` by `dataset.dating.field`,
    and use the expression of that one.
    """
    dating = dataset.dating
    if dating is None or not dating.is_own:
        return None
    column = sql.Identifier(*([] if row is None else [row]), dating.field)
    field = dataset.field(dating.field)
    if field.type is FieldType.DATE:
        return column
    if not field.has_time_zone:
        return sql.SQL("{}::date").format(column)
    return sql.SQL("({} AT TIME ZONE {})::date").format(column, sql.Literal(dating.time_zone))
