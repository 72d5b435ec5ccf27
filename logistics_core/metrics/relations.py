"""The tables that references lead to, in SQL."""

from collections.abc import Callable, Sequence

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.model import Reference
from logistics_core.metrics.paths import relations_of

Records = Callable[[str], sql.Composable]
"""Returns the records of a dataset by its name: a table, or a subquery without an alias."""


def raw_table(dataset: str) -> sql.Composable:
    """The records as they are now."""
    return sql.Identifier("raw", dataset)


class Joins:
    """The tables that references of the table `page` lead to, each joined once."""

    def __init__(self, records: Records = raw_table, condition: Callable[[str], sql.Composable] | None = None) -> None:
        """`condition`: what must hold for a joined record beside its key, by its alias."""
        self._records = records
        self._condition = condition
        self.clauses: list[sql.Composable] = []
        self._aliases: dict[tuple[str, Reference], str] = {}

    def follow(self, near: str, reference: Reference) -> str:
        """The alias of the record that the row with the alias `near` refers to: all its columns may be NULL."""
        if (near, reference) not in self._aliases:
            far = f"Related{len(self._aliases) + 1}"
            pairs = zip(reference.target_fields, reference.fields, strict=True)
            on: list[sql.Composable] = [
                sql.SQL("{} = {}").format(sql.Identifier(far, to), sql.Identifier(near, of)) for to, of in pairs
            ]
            if self._condition is not None:
                on.append(self._condition(far))
            self.clauses.append(
                sql.SQL("LEFT JOIN {} AS {} ON {}").format(
                    self._records(reference.dataset), sql.Identifier(far), sql.SQL(" AND ").join(on)
                )
            )
            self._aliases[near, reference] = far
        return self._aliases[near, reference]

    def follow_path(self, relations: Sequence[str], dataset: Dataset, catalogue: Catalogue) -> tuple[str, Dataset]:
        """The alias of the record that references lead to by their names, and its dataset."""
        alias = "page"
        for name in relations:
            reference = relations_of(dataset)[name]
            alias, dataset = self.follow(alias, reference), catalogue[reference.dataset]
        return alias, dataset
