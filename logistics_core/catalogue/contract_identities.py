"""Reads the keys `externalIds`, `links` and `entity` of a contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from logistics_core.catalogue.contract_shapes import NAME, described, known_field, listed, suggestion
from logistics_core.catalogue.identities import (
    Comparison,
    DeclaredEntity,
    DeclaredLinks,
    ExternalId,
    MatchRule,
)
from logistics_core.catalogue.model import NESTED_TYPES, Dataset, Field, FieldType, Role, master_key_field

MAX_EXTERNAL_IDS = 10
MAX_RULES = 10
MAX_SOURCES = 20
"""Of the attributes of an entity."""
USUAL_SIMILARITY = 92.0
LEAST_SIMILARITY = 50.0

_ID_TYPES = (FieldType.STRING, FieldType.INTEGER)
"""Types whose values have one way to be written, so that the same id is the same text in every file."""


class ExternalIdKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An entry of `externalIds`: `{field: card_plate, entity: vehicles, system: fuelco}`."""

    field: str
    entity: str
    system: str
    name: str | None = None
    attributes: dict[str, str] = {}


class LinksKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The key `links` of a dataset whose records are links."""

    entity: str
    system: str | None = None
    system_field: str | None = None
    external_id: str
    key: str
    reason: str | None = None


class RuleKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An entry of `entity.match`: `{rule: same_plate, field: plate}`."""

    rule: str
    field: str
    compare: Comparison = Comparison.CODE
    similarity: float | None = None
    accept: bool = False


class EntityKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The key `entity` of a dataset with master records."""

    match: list[RuleKeys] | None = None
    trust: list[str] = []
    attributes: dict[str, list[str]] = {}


# -- one contract ------------------------------------------------------------------------------------------------------


def read_external_ids(declared: Sequence[ExternalIdKeys], fields: Mapping[str, Field]) -> tuple[ExternalId, ...]:
    """The external ids of a contract. The entities are looked up later, in the catalogue.

    Raises:
        ValueError: one of them cannot be used; the message begins with its key.
    """
    if len(declared) > MAX_EXTERNAL_IDS:
        raise ValueError(f"externalIds: a dataset has at most {MAX_EXTERNAL_IDS}, not {len(declared)}.")
    found = tuple(_external_id(each, f"externalIds[{number}]", fields) for number, each in enumerate(declared))
    for number, each in enumerate(found):
        if each.field in [other.field for other in found[:number]]:
            raise ValueError(f"externalIds[{number}].field is {each.field}, which another entry names. Remove one.")
    return found


def _external_id(keys: ExternalIdKeys, where: str, fields: Mapping[str, Field]) -> ExternalId:
    _check_id(keys.field, f"{where}.field", fields)
    _check_word(keys.system, f"{where}.system")
    if keys.name is not None:
        _check_word(keys.name, f"{where}.name")
    for own in keys.attributes.values():
        known_field(own, fields, f"{where}.attributes")
    return ExternalId(keys.field, keys.entity, keys.system, keys.name or "", attributes=tuple(keys.attributes.items()))


def named_dimensions(external_ids: Sequence[ExternalId]) -> dict[str, Field]:
    """What can be grouped by beside fields: the master keys of external ids whose names the contract gives."""
    return {each.name: master_key_field(each) for each in external_ids if each.name}


def read_links(declared: LinksKeys | None, fields: Mapping[str, Field], key: Sequence[str]) -> DeclaredLinks | None:
    """What the records of a dataset link, if they are links.

    Raises:
        ValueError: they cannot be; the message begins with the key.
    """
    if declared is None:
        return None
    if key:
        raise ValueError(
            "links: records of links have no key, so that every link is kept and a later one can undo an earlier one. "
            "Remove schema.primaryKey."
        )
    if (declared.system is None) == (declared.system_field is None):
        raise ValueError("links names either `system`, for all records, or `systemField`, the field that says it.")
    if declared.system is not None:
        _check_word(declared.system, "links.system")
    else:
        assert declared.system_field is not None
        _check_required(declared.system_field, "links.systemField", fields)
    _check_required(declared.external_id, "links.externalId", fields)
    _check_id(declared.external_id, "links.externalId", fields)
    _check_id(declared.key, "links.key", fields)
    if declared.reason is not None:
        known_field(declared.reason, fields, "links.reason")
    return DeclaredLinks(
        declared.entity, declared.system, declared.system_field, declared.external_id, declared.key, declared.reason
    )


def read_entity(declared: EntityKeys | None, fields: Mapping[str, Field], key: Sequence[str]) -> DeclaredEntity | None:
    """What a contract says about its records as master records.

    Raises:
        ValueError: it cannot be; the message begins with the key.
    """
    if declared is None:
        return None
    if len(key) != 1:
        raise ValueError(
            f"entity: master records have a key of one field, and schema.primaryKey names {len(key)}. Remove entity, "
            "or give the records such a key."
        )
    rules = None if declared.match is None else _rules(declared.match, fields)
    for name in declared.attributes:
        known_field(name, fields, "entity.attributes")
        if name == key[0]:
            raise ValueError(f"entity.attributes names {name}, which is the key. Remove it.")
    attributes = tuple(
        (name, _trust(sources, f"entity.attributes.{name}")) for name, sources in declared.attributes.items()
    )
    return DeclaredEntity(rules, _trust(declared.trust, "entity.trust"), attributes)


def _rules(declared: Sequence[RuleKeys], fields: Mapping[str, Field]) -> tuple[MatchRule, ...]:
    if len(declared) > MAX_RULES:
        raise ValueError(f"entity.match: at most {MAX_RULES} rules, not {len(declared)}.")
    found = tuple(_rule(each, f"entity.match[{number}]", fields) for number, each in enumerate(declared))
    _check_different([each.name for each in found], "entity.match", "rule")
    return found


def _rule(keys: RuleKeys, where: str, fields: Mapping[str, Field]) -> MatchRule:
    _check_word(keys.rule, f"{where}.rule")
    field = known_field(keys.field, fields, f"{where}.field")
    if field.type not in _ID_TYPES:
        raise ValueError(f"{where}.field names {field.name}, whose type is {field.type}: only texts are compared.")
    if keys.similarity is not None and keys.compare is not Comparison.NAME:
        raise ValueError(f"{where}.similarity is for `compare: name`: codes are the same or not. Remove it.")
    similarity = USUAL_SIMILARITY if keys.similarity is None else keys.similarity
    if not LEAST_SIMILARITY <= similarity <= 100:
        raise ValueError(f"{where}.similarity must be from {LEAST_SIMILARITY:.0f} to 100, not {similarity:g}.")
    return MatchRule(keys.rule, keys.field, keys.compare, similarity, keys.accept)


def _trust(sources: Sequence[str], where: str) -> tuple[str, ...]:
    """Sources, the most trusted first. Which systems there are is not known yet: their contracts may come later."""
    if len(sources) > MAX_SOURCES:
        raise ValueError(f"{where} lists at most {MAX_SOURCES} sources, not {len(sources)}.")
    for source in sources:
        _check_word(source, where)
        if sources.count(source) > 1:
            raise ValueError(f"{where} lists {source} twice.")
    return tuple(sources)


def _check_id(name: str, where: str, fields: Mapping[str, Field]) -> None:
    field = known_field(name, fields, where)
    if field.type not in _ID_TYPES:
        raise ValueError(
            f"{where} names {name}, whose type is {field.type}. Ids are texts or whole numbers: give it one of the "
            "types string and integer."
        )
    if field.role is Role.TEXT:
        raise ValueError(f"{where} names {name}, whose role is text: prose is no id. Give it another role, or none.")


def _check_required(name: str, where: str, fields: Mapping[str, Field]) -> None:
    if not known_field(name, fields, where).required:
        raise ValueError(f"{where} names {name}, which must be required: set constraints: {{required: true}}.")


def _check_word(word: str, where: str) -> None:
    if not NAME.fullmatch(word):
        raise ValueError(
            f"{where} is {word!r}. It must begin with a letter, hold only a-z, 0-9 and _, and have at most 40 "
            "characters."
        )


def _check_different(names: Sequence[str], where: str, key: str) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"{where}[{number}].{key} is {name}, as in an entry before. Rename or remove one.")


# -- all contracts together --------------------------------------------------------------------------------------------


def with_entities(dataset: Dataset, all_datasets: Mapping[str, Dataset]) -> Dataset:
    """The dataset with the names of its external ids.

    Raises:
        ValueError: what it declares does not fit the other datasets; the message begins with the key.
    """
    if dataset.links is not None:
        _entity(dataset.links.entity, "links.entity", all_datasets)
    if not dataset.external_ids:
        return dataset
    return replace(dataset, external_ids=tuple(_named(dataset, all_datasets)))


def _named(dataset: Dataset, all_datasets: Mapping[str, Dataset]) -> Iterator[ExternalId]:
    from logistics_core.metrics.paths import relations_of  # here: it builds on the catalogue

    taken = set(relations_of(replace(dataset, external_ids=())))
    taken |= {metric.name for metric in dataset.declared_metrics or ()}
    for number, each in enumerate(dataset.external_ids):
        where = f"externalIds[{number}]"
        entity = _entity(each.entity, f"{where}.entity", all_datasets)
        if entity.name == dataset.name and each.field == entity.key[0]:
            raise ValueError(f"{where} names the key of {entity.name} itself: that is the master key, no external id.")
        for master, _ in each.attributes:
            _known_name(master, entity, f"{where}.attributes")
        name = each.name or entity.singular
        if name in dataset.columns:
            raise ValueError(
                f"{where}: what {each.field} identifies is called {name}, which is a field too. Add another `name`."
            )
        if name in taken or name in ("period", "and", "or", "not"):
            raise ValueError(
                f"{where}: what {each.field} identifies is called {name}, which is taken. Add another `name`."
            )
        taken.add(name)
        yield replace(each, name=name, key=entity.key[0])


def _entity(name: str, where: str, all_datasets: Mapping[str, Dataset]) -> Dataset:
    """The dataset of master records."""
    if name not in all_datasets:
        raise ValueError(
            f"{where} is {name!r}, which is no dataset. There are: {listed(all_datasets)}."
            f"{suggestion(name, all_datasets)} Accept the contract of its master records first."
        )
    found = all_datasets[name]
    if len(found.key) != 1 or found.field(found.key[0]).type not in _ID_TYPES:
        has = f"the key {', '.join(found.key)}" if found.key else "no key"
        raise ValueError(
            f"{where} is {name}, whose records have {has}. Master records have a key of one text or whole number."
        )
    return found


def _known_name(name: str, dataset: Dataset, where: str) -> None:
    names = {field.name: field for field in dataset.fields if field.type not in NESTED_TYPES}
    if name not in names:
        raise ValueError(
            f"{where} names {described(name)} of {dataset.name}, which is no field of it. There are: {listed(names)}."
            f"{suggestion(name, names)}"
        )
