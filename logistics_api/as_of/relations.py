"""Tables as statements read them: as they are, or as of a file."""

from psycopg import sql

from logistics_core import versions
from logistics_core.catalogue import Dataset

AS_OF = "AsOf"
"""The parameter of a statement with the number of the file: no column has a capital letter."""
AS_OF_FILE = sql.Placeholder(AS_OF)


def table_of_records(dataset: Dataset, as_of: sql.Composable | None, *, by_key: bool = False) -> sql.Composable:
    """The records of a dataset now, or as of a file: a table, or a subquery without an alias.

    `by_key`: few of them are wanted, by their key or in its order.
    """
    if as_of is None:
        return sql.Identifier("raw", dataset.name)
    return (versions.as_of_by_key if by_key else versions.as_of)(dataset, as_of)
