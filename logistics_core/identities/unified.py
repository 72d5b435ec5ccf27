"""The unified view: each attribute of a thing as the most trusted source that knows it says, and what others say.

Nothing is stored: the records of all sources stay as they came, and the view follows them and the links.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.identities import DeclaredEntity, ExternalId
from logistics_core.catalogue.model import NESTED_TYPES
from logistics_core.identities.unlinked import external_ids_in
from logistics_core.metrics.relations import CURRENT_LINKS


@dataclass(frozen=True)
class AttributeSource:
    """A field that says an attribute."""

    attribute: str
    name: str
    """What trust names: a system, or the dataset of the master records."""
    dataset: str
    field: str
    external: ExternalId | None
    """None of the master record itself."""


@dataclass(frozen=True)
class Said:
    """What a source says about an attribute of a thing, by its newest record that says anything."""

    key: str
    attribute: str
    source: str
    dataset: str
    field: str
    value: str
    file_id: int
    record_no: int


def attributes_of(entity: Dataset) -> list[str]:
    """The attributes of the things of an entity: the fields of its master records but for the key."""
    return [field.name for field in entity.fields if field.name not in entity.key and field.type not in NESTED_TYPES]


def sources_of(entity: Dataset, catalogue: Catalogue) -> list[AttributeSource]:
    """All sources of all attributes, within an attribute the most trusted first; those not named come last."""
    found = [AttributeSource(name, entity.name, entity.name, name, None) for name in attributes_of(entity)]
    for dataset, external in external_ids_in(catalogue, entity.name):
        found += [
            AttributeSource(attribute, external.system, dataset.name, field, external)
            for attribute, field in external.attributes
            if attribute not in entity.key
        ]
    declared = entity.entity or DeclaredEntity()
    by_attribute = dict(declared.trust_by_attribute)
    order = {name: number for number, name in enumerate(attributes_of(entity))}

    def rank(each: AttributeSource) -> tuple[int, int, bool, str, str]:
        trusted = by_attribute.get(each.attribute, declared.trust)
        place = trusted.index(each.name) if each.name in trusted else len(trusted)
        return order[each.attribute], place, each.external is not None, each.name, each.dataset

    return sorted(found, key=rank)


def said_about(sources: Iterable[AttributeSource], entity: Dataset, keys: sql.Composable) -> sql.Composed:
    """The SELECT of what sources say about the things with some keys: the columns of `Said`, in their order.

    `keys` is an array of texts. Cost: reads the records of the external ids that are linked with them.
    """
    parts = [_said(each, entity, keys) for each in sources]
    return sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(part) for part in parts)


def _said(source: AttributeSource, entity: Dataset, keys: sql.Composable) -> sql.Composable:
    key: sql.Composable = sql.SQL("{}::text").format(sql.Identifier("page", entity.key[0]))
    join: sql.Composable = sql.SQL("")
    if source.external is not None:
        key = sql.Identifier("link", "master_key")
        join = sql.SQL(
            "JOIN {links} AS link ON link.entity = {entity} AND link.system = {system} "
            "AND link.external_id = {id}::text"
        ).format(
            links=CURRENT_LINKS,
            entity=sql.Literal(entity.name),
            system=sql.Literal(source.external.system),
            id=sql.Identifier("page", source.external.field),
        )
    value = sql.Identifier("page", source.field)
    return sql.SQL(
        "SELECT DISTINCT ON ({key}) {key}, {attribute}::text, {name}::text, {dataset}::text, {field}::text, "
        "{value}::text, page.file_id, page.record_no FROM {table} AS page {join} "
        "WHERE {key} = ANY({keys}) AND {value} IS NOT NULL ORDER BY {key}, page.file_id DESC, page.record_no DESC"
    ).format(
        key=key,
        attribute=sql.Literal(source.attribute),
        name=sql.Literal(source.name),
        dataset=sql.Literal(source.dataset),
        field=sql.Literal(source.field),
        value=value,
        table=sql.Identifier("raw", source.dataset),
        join=join,
        keys=keys,
    )


def unified(
    entity: Dataset, sources: Sequence[AttributeSource], keys: Iterable[str], said: Iterable[Said]
) -> list[dict[str, Any]]:
    """The things with these keys, as JSON: each attribute with its value, who says so, and what others say."""
    places = {(each.attribute, each.name, each.dataset, each.field): number for number, each in enumerate(sources)}
    by_key: dict[str, list[Said]] = {}
    for each in said:
        by_key.setdefault(each.key, []).append(each)
    return [
        {
            "key": key,
            "attributes": [
                _attribute(name, sorted(_of(name, by_key.get(key, [])), key=lambda each: places[_place(each)]))
                for name in attributes_of(entity)
            ],
        }
        for key in keys
    ]


def _of(attribute: str, said: Iterable[Said]) -> list[Said]:
    return [each for each in said if each.attribute == attribute]


def _place(said: Said) -> tuple[str, str, str, str]:
    return said.attribute, said.source, said.dataset, said.field


def _attribute(name: str, said: Sequence[Said]) -> dict[str, Any]:
    first = said[0] if said else None
    return {
        "name": name,
        "value": None if first is None else first.value,
        "source": None if first is None else first.source,
        "said": [_document(each) for each in said],
    }


def _document(said: Said) -> Mapping[str, Any]:
    return {
        "source": said.source,
        "dataset": said.dataset,
        "field": said.field,
        "value": said.value,
        "file_id": said.file_id,
        "record_no": said.record_no,
    }


def keys_of_things(entity: Dataset) -> sql.Composable:
    """The SELECT of the keys of all things of an entity, those of which only links know among them."""
    return sql.SQL(
        "SELECT {key}::text AS key FROM {table} UNION SELECT master_key FROM {links} WHERE entity = {entity}"
    ).format(
        key=sql.Identifier(entity.key[0]),
        table=sql.Identifier("raw", entity.name),
        links=CURRENT_LINKS,
        entity=sql.Literal(entity.name),
    )
