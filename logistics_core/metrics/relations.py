"""The tables that references lead to, in SQL."""

from collections.abc import Sequence

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.model import Reference
from logistics_core.metrics.paths import relations_of


class Joins:
    """The tables that references of the table `page` lead to, each joined once."""

    def __init__(self) -> None:
        self.clauses: list[sql.Composable] = []
        self._aliases: dict[tuple[str, Reference], str] = {}

    def follow(self, near: str, reference: Reference) -> str:
        """The alias of the record that the row with the alias `near` refers to: all its columns may be NULL."""
        if (near, reference) not in self._aliases:
            far = f"Related{len(self._aliases) + 1}"
            pairs = zip(reference.target_fields, reference.fields, strict=True)
            on = [sql.SQL("{} = {}").format(sql.Identifier(far, to), sql.Identifier(near, of)) for to, of in pairs]
            self.clauses.append(
                sql.SQL("LEFT JOIN {} AS {} ON {}").format(
                    sql.Identifier("raw", reference.dataset), sql.Identifier(far), sql.SQL(" AND ").join(on)
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
