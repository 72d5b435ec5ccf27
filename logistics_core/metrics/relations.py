"""The tables that references and external ids lead to, in SQL."""

from collections.abc import Callable, Sequence

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.identities import ExternalId
from logistics_core.catalogue.model import Reference
from logistics_core.metrics.paths import FieldPath, relations_of

CURRENT_LINKS = sql.Identifier("identity", "current_links")
"""The links that figures follow: those of the last refresh, one row per external id."""

_LINKS_AS_OF = """(
    SELECT DISTINCT ON (entity, system, external_id) entity, system, external_id, master_key
    FROM identity.links
    WHERE withdrawn_at IS NULL
    AND made_at <= (SELECT registered_at FROM ingest.files WHERE files.file_id = {file})
    AND (links.file_id IS NULL OR links.file_id <= {file})
    ORDER BY entity, system, external_id, made_at DESC, links.file_id DESC NULLS FIRST, record_no DESC, link_id DESC
)"""


def links_as_of(file: sql.Composable) -> sql.Composable:
    """The links that decided when a file was registered, as a subquery without an alias; `file` is its number."""
    return sql.SQL(_LINKS_AS_OF).format(file=file)


Records = Callable[[str], sql.Composable]
"""Returns the records of a dataset by its name: a table, or a subquery without an alias."""


def raw_table(dataset: str) -> sql.Composable:
    """The records as they are now."""
    return sql.Identifier("raw", dataset)


class Joins:
    """The tables that references of the table `page` lead to, each joined once."""

    def __init__(
        self,
        records: Records = raw_table,
        condition: Callable[[str], sql.Composable] | None = None,
        links: sql.Composable = CURRENT_LINKS,
    ) -> None:
        """`condition`: what must hold for a joined record beside its key, by its alias; `links`: those that count."""
        self._all_links = links
        self._records = records
        self._condition = condition
        self.clauses: list[sql.Composable] = []
        self._aliases: dict[tuple[str, Reference], str] = {}
        self._links: dict[tuple[str, str, str, str], str] = {}

    def follow(self, near: str, reference: Reference) -> str:
        """The alias of the record that the row with the alias `near` refers to: all its columns may be NULL."""
        if (near, reference) not in self._aliases:
            far = f"Related{len(self._aliases) + 1}"
            on = self._conditions(near, far, reference)
            if self._condition is not None:
                on.append(self._condition(far))
            self.clauses.append(
                sql.SQL("LEFT JOIN {} AS {} ON {}").format(
                    self._records(reference.dataset), sql.Identifier(far), sql.SQL(" AND ").join(on)
                )
            )
            self._aliases[near, reference] = far
        return self._aliases[near, reference]

    def _conditions(self, near: str, far: str, reference: Reference) -> list[sql.Composable]:
        """What must hold for the record that is referred to."""
        if reference.system is None:
            pairs = zip(reference.target_fields, reference.fields, strict=True)
            return [sql.SQL("{} = {}").format(sql.Identifier(far, to), sql.Identifier(near, of)) for to, of in pairs]
        link = self._link(near, reference.fields[0], reference.dataset, reference.system)
        key = sql.Identifier(far, reference.target_fields[0])
        return [sql.SQL("{}::text = {}").format(key, sql.Identifier(link, "master_key"))]

    def _link(self, near: str, field: str, entity: str, system: str) -> str:
        """The alias of the link of an external id: all its columns may be NULL."""
        key = (near, field, entity, system)
        if key not in self._links:
            self._links[key] = f"Link{len(self._links) + 1}"
            on = sql.Identifier(near, field)
            self.clauses.append(link_join(self._links[key], on, entity, system, self._all_links))
        return self._links[key]

    def master_key(self, near: str, external: ExternalId) -> sql.Composable:
        """The master key of the thing that an external id of the row with the alias `near` stands for."""
        link = self._link(near, external.field, external.entity, external.system)
        return key_or_id(link, sql.Identifier(near, external.field), external.system)

    def follow_path(self, relations: Sequence[str], dataset: Dataset, catalogue: Catalogue) -> tuple[str, Dataset]:
        """The alias of the record that references lead to by their names, and its dataset."""
        alias = "page"
        for name in relations:
            reference = relations_of(dataset)[name]
            alias, dataset = self.follow(alias, reference), catalogue[reference.dataset]
        return alias, dataset

    def column(self, path: FieldPath, dataset: Dataset, catalogue: Catalogue) -> sql.Composable:
        """What a path leads to."""
        alias, found = self.follow_path(path.relations, dataset, catalogue)
        external = found.external_id_called(path.field.name)
        if external is None:
            return sql.Identifier(alias, path.field.name)
        return self.master_key(alias, external)


def link_join(
    alias: str, external_id: sql.Composable, entity: str, system: str, links: sql.Composable = CURRENT_LINKS
) -> sql.Composable:
    """The clause that joins the link of an external id, if it has one."""
    return sql.SQL(
        "LEFT JOIN {links} AS {alias} ON {alias}.entity = {entity} AND {alias}.system = {system} "
        "AND {alias}.external_id = {id}::text"
    ).format(
        links=links,
        alias=sql.Identifier(alias),
        entity=sql.Literal(entity),
        system=sql.Literal(system),
        id=external_id,
    )


def key_or_id(link: str, external_id: sql.Composable, system: str) -> sql.Composable:
    """The master key that a link says; without one, the system and the id itself: `fuelco:W-1234`."""
    return sql.SQL("coalesce({}, {} || {}::text)").format(
        sql.Identifier(link, "master_key"), sql.Literal(f"{system}:"), external_id
    )
