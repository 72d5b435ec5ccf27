"""External ids that no link leads from, in SQL."""

from collections.abc import Iterator

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.identities import ExternalId
from logistics_core.metrics.rollups import day_of, page_column, source

NEWEST_LINKS = sql.Identifier("identity", "newest_links")
"""The link that decides of each external id, whether figures follow it already or with the next refresh."""


def external_ids_in(catalogue: Catalogue, entity: str | None = None) -> Iterator[tuple[Dataset, ExternalId]]:
    """The external ids that contracts declare, with their datasets; those of one entity if it is given."""
    for dataset in catalogue.values():
        for external in dataset.external_ids:
            if entity in (None, external.entity):
                yield dataset, external


def unlinked_ids(dataset: Dataset, external: ExternalId) -> sql.Composable:
    """The SELECT of the ids in a field that are linked with nothing: each with its records and their days.

    Columns: entity, system, external_id, dataset, field, records, first_day, last_day. Cost: reads the records once.
    """
    day = day_of(dataset)
    days: sql.Composable = sql.SQL("NULL::date, NULL::date")
    if day is not None:
        days = sql.SQL("min({day}), max({day})").format(day=day)
    return sql.SQL(
        "SELECT {entity}::text AS entity, {system}::text AS system, {id}::text AS external_id, "
        "{dataset}::text AS dataset, {field}::text AS field, count(*) AS records, {days} "
        "FROM {source} WHERE {id} IS NOT NULL AND {id}::text <> '' AND NOT EXISTS ("
        "SELECT FROM {links} AS newest WHERE newest.entity = {entity} AND newest.system = {system} "
        "AND newest.external_id = {id}::text AND newest.master_key IS NOT NULL) GROUP BY {id}"
    ).format(
        entity=sql.Literal(external.entity),
        system=sql.Literal(external.system),
        id=page_column(external.field),
        dataset=sql.Literal(dataset.name),
        field=sql.Literal(external.field),
        days=days,
        source=source(dataset, all_records=True),
        links=NEWEST_LINKS,
    )


def all_unlinked_ids(catalogue: Catalogue, entity: str | None = None, system: str | None = None) -> sql.Composable:
    """The SELECT of all of them, those with the most records first: the columns of `unlinked_ids` in their order."""
    parts: list[sql.Composable] = [
        sql.SQL("({})").format(unlinked_ids(dataset, external))
        for dataset, external in external_ids_in(catalogue, entity)
        if system in (None, external.system)
    ]
    if not parts:
        parts = [
            sql.SQL(
                "SELECT NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, 0::bigint, NULL::date, NULL::date "
                "WHERE false"
            )
        ]
    return sql.SQL(
        "SELECT * FROM ({}) AS unlinked (entity, system, external_id, dataset, field, records, first_day, last_day) "
        "ORDER BY records DESC, entity, system, external_id, dataset, field"
    ).format(sql.SQL(" UNION ALL ").join(parts))
