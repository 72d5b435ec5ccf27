"""Parts of the statements that merge rows, and of those that replace them."""

from collections.abc import Sequence

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.row_days import day_of_row


def column_list(columns: Sequence[str], table: str | None = None) -> sql.Composed:
    """The names of columns with commas between them, as columns of `table` if given."""
    qualified = [sql.Identifier(column) if table is None else sql.Identifier(table, column) for column in columns]
    return sql.SQL(", ").join(qualified)


def touched_value(dataset: Dataset) -> sql.Composable:
    """The day, or the dating key, of an overwritten row if the new row has another one: that one is noted anyway."""
    if dataset.dating is None:
        return sql.SQL("NULL::text")
    old, new = (day_of_row(dataset, row) for row in ("existing", "staged"))
    if old is not None and new is not None:
        return sql.SQL("nullif({}, {})").format(old, new)
    return sql.SQL("nullif(existing.{0}, staged.{0})::text").format(sql.Identifier(dataset.dating.field))


def had_values(dataset: Dataset) -> sql.Composable:
    """Whether the optional columns of an existing row have values, as one array: a list of columns has a limit."""
    conditions = [sql.SQL("existing.{} IS NOT NULL").format(sql.Identifier(name)) for name in _optional(dataset)]
    return sql.SQL("ARRAY[{}]::boolean[]").format(sql.SQL(", ").join(conditions))


def lost_cells(dataset: Dataset) -> sql.Composable:
    """The values that overwritten rows had, as negative numbers: a required column always has one."""
    places = {name: number for number, name in enumerate(_optional(dataset), start=1)}
    counted = (
        sql.SQL("-count(*) FILTER (WHERE had_values[{}])").format(sql.Literal(places[name]))
        if name in places
        else sql.SQL("-count(*)")
        for name in dataset.columns
    )
    return sql.SQL(", ").join(counted)


def _optional(dataset: Dataset) -> list[str]:
    return [field.name for field in dataset.fields if not field.required]
