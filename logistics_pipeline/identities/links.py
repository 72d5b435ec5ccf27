"""Links as a refresh takes them in: which external ids are linked otherwise than figures have it, and on which days.

What decides is the state of the links, never an event: a refresh compares the newest link of each external id with the
one that figures follow (`identity.current_links`), in its own snapshot. So the order in which files were loaded, a kill
between a load and a refresh, and an unload all lead to the same figures.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.identities import DeclaredLinks
from logistics_core.metrics.rollups import day_of, page_column, source
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

_TOUCHED = """(entity, system, external_id) IN (
    SELECT entity, system, external_id FROM identity.links WHERE refreshed_as IS NULL
)"""


@dataclass(frozen=True)
class Relinked:
    """What the links taken in by a refresh have changed. The external ids are in the temporary table `relinked`."""

    pairs: frozenset[tuple[str, str]] = frozenset()
    """Entities and systems of the external ids that are linked otherwise."""
    ids: int = 0

    def concerns(self, dataset: Dataset) -> bool:
        """Whether records of a dataset may have such ids."""
        return any((each.entity, each.system) in self.pairs for each in dataset.external_ids)


NOTHING = Relinked()


def are_links_waiting(connection: Connection) -> bool:
    """Whether links wait for a refresh."""
    row = connection.execute("SELECT EXISTS (SELECT FROM identity.links WHERE refreshed_as IS NULL)").fetchone()
    return row is not None and bool(row[0])


def take_in_links(
    connection: Connection, catalogue: Catalogue, changed: Collection[str], version: int, *, full: bool = False
) -> Relinked:
    """Has figures follow the newest links, within the transaction of a refresh.

    `changed` are the datasets whose records have changed since the last one; with `full`, all are looked at.
    """
    for dataset in catalogue.values():
        if dataset.links is not None and (full or dataset.name in changed) and _has_table(connection, dataset):
            _take_in_records(connection, dataset, dataset.links)
    _withdraw_retired(connection, catalogue)
    _name_systems(connection, catalogue)
    if not (full or are_links_waiting(connection)):
        return NOTHING
    condition = sql.SQL("true" if full else _TOUCHED)
    newest = sql.SQL(read_sql("identities/newest_links").rstrip()).format(condition=condition)
    connection.execute("DROP TABLE IF EXISTS pg_temp.relinked")
    connection.execute(sql.SQL(read_sql("identities/find_relinked")).format(newest=newest, condition=condition))
    connection.execute(read_sql("identities/follow_links").encode())
    connection.execute("UPDATE identity.links SET refreshed_as = %s WHERE refreshed_as IS NULL", (version,))
    found = connection.execute("SELECT entity, system, count(*) FROM pg_temp.relinked GROUP BY 1, 2").fetchall()
    return Relinked(frozenset((entity, system) for entity, system, _ in found), sum(count for *_, count in found))


def relinked_days(connection: Connection, dataset: Dataset, relinked: Relinked) -> list[date]:
    """The days of a dataset whose figures are others because of other links. Cost: reads its records once."""
    day = day_of(dataset)
    assert day is not None
    if not relinked.concerns(dataset):
        return []
    is_relinked = sql.SQL(" OR ").join(
        sql.SQL(
            "{id}::text IN (SELECT external_id FROM pg_temp.relinked WHERE entity = {entity} AND system = {system})"
        ).format(id=page_column(each.field), entity=sql.Literal(each.entity), system=sql.Literal(each.system))
        for each in dataset.external_ids
        if (each.entity, each.system) in relinked.pairs
    )
    query = sql.SQL(read_sql("identities/relinked_days")).format(
        day=day, source=source(dataset), is_relinked=is_relinked
    )
    return [found for (found,) in connection.execute(query).fetchall()]


def _take_in_records(connection: Connection, dataset: Dataset, links: DeclaredLinks) -> None:
    """Brings the links that have come in files into line with the records that there are of them."""
    columns = [
        sql.SQL("{}::text").format(sql.Literal(links.entity)),
        _text(links.system_field) if links.system is None else sql.SQL("{}::text").format(sql.Literal(links.system)),
        _text(links.external_id),
        sql.SQL("nullif({}, '')").format(_text(links.key)),
        sql.SQL("coalesce({}, '')").format(_text(links.reason)) if links.reason else sql.SQL("''::text"),
    ]
    parts = {
        "table": sql.Identifier("raw", dataset.name),
        "dataset": sql.Literal(dataset.name),
        "columns": sql.SQL(", ").join(columns),
        "external_id": _text(links.external_id),
    }
    for name in ("withdraw_links", "add_links"):
        connection.execute(sql.SQL(read_sql(f"identities/{name}")).format(**parts))


def _text(field: str | None) -> sql.Composable:
    assert field is not None
    return sql.SQL('{}::text COLLATE "C"').format(page_column(field))


def _withdraw_retired(connection: Connection, catalogue: Catalogue) -> None:
    """Links of datasets that are no links any more count no longer."""
    connection.execute(
        "UPDATE identity.links SET withdrawn_at = clock_timestamp(), refreshed_as = NULL "
        "WHERE withdrawn_at IS NULL AND dataset IS NOT NULL AND dataset <> ALL(%s)",
        ([name for name, dataset in catalogue.items() if dataset.links is not None],),
    )


def _name_systems(connection: Connection, catalogue: Catalogue) -> None:
    named = {each.system for dataset in catalogue.values() for each in dataset.external_ids}
    connection.execute(
        "INSERT INTO identity.systems (system) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (sorted(named),)
    )


def _has_table(connection: Connection, dataset: Dataset) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (dataset.table,)).fetchone()
    return row is not None and bool(row[0])
