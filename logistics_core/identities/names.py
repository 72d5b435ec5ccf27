"""Which entities and systems there are, and whether a link may be made."""

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_shapes import listed, suggestion
from logistics_core.identities.unlinked import external_ids_in

LONGEST_ID = 255
"""Characters of an external id or a key in a link: those that a field of records may have. An index holds two."""


def entities_of(catalogue: Catalogue) -> list[Dataset]:
    """The datasets whose records are the master records of external ids."""
    names = {external.entity for _, external in external_ids_in(catalogue)}
    names |= {dataset.links.entity for dataset in catalogue.values() if dataset.links is not None}
    return [dataset for name, dataset in catalogue.items() if name in names]


def known_entity(catalogue: Catalogue, name: str) -> Dataset:
    """The entity of that name.

    Raises:
        ValueError: there is none; the message says what there is.
    """
    entities = {each.name: each for each in entities_of(catalogue)}
    if name in entities:
        return entities[name]
    if not entities:
        raise ValueError(
            f"There is no entity {name}: no contract declares external ids. Add `externalIds` to the contract of a "
            "dataset that has some."
        )
    raise ValueError(
        f"There is no entity {name}. Those with external ids are: {listed(entities)}.{suggestion(name, entities)}"
    )


def check_system(catalogue: Catalogue, entity: str | None, system: str) -> None:
    """Refuses a system of which no contract declares ids of the entity, or of any.

    Raises:
        ValueError: the message says which systems there are.
    """
    systems = sorted({external.system for _, external in external_ids_in(catalogue, entity)})
    if system not in systems:
        those = "Those that there are" if entity is None else f"Those of {entity} are"
        known = f"{those}: {listed(systems)}.{suggestion(system, systems)}" if systems else "There is none."
        raise ValueError(f"There is no system {system}. {known}")


def check_link(catalogue: Catalogue, entity: str, system: str, external_id: str, key: str | None) -> None:
    """Refuses a link of what does not exist, or that figures could not tell from something else.

    The master record itself need not have arrived yet.

    Raises:
        ValueError: the message says what is wrong.
    """
    known_entity(catalogue, entity)
    check_system(catalogue, entity, system)
    for what, text in (("external id", external_id), ("key", key)):
        if text is not None and not 1 <= len(text) <= LONGEST_ID:
            raise ValueError(f"The {what} must have 1 to {LONGEST_ID:,} characters, not {len(text):,}.")
        if text is not None and "\0" in text:
            raise ValueError(f"The {what} must not hold the character U+0000.")
        if text is not None and any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError(f"The {what} {text!r} must be text in UTF-8.")
        if text is not None and text != text.strip():
            raise ValueError(f"The {what} {text!r} begins or ends with a space, and no record has it so: leave it out.")
    systems = {external.system for _, external in external_ids_in(catalogue, entity)}
    if key is not None and key.partition(":")[1] and key.partition(":")[0] in systems:
        raise ValueError(
            f"The key {key!r} begins like the name of an unlinked id: system, colon, id. Give the key of a master "
            "record; to undo a link, leave the key out."
        )
