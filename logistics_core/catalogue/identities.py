"""External ids as contracts declare them: what things are called elsewhere, and what says that two are one.

Plain data, immutable.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class ExternalId:
    """A field with the ids that another system gives to the things of an entity."""

    field: str
    entity: str
    """The dataset with the master records of these things: `vehicles`."""
    system: str
    """Who gives the ids: `fuelco`."""
    name: str = ""
    """What the thing is called in questions: `vehicle` is its master key, `vehicle.name` a field of its master record.
    In a catalogue it is never empty."""
    key: str = ""
    """The key of the master records; in a catalogue it is never empty."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Fields of the master record, each with the field of this record that says the same. They are evidence for links,
    and a source of the unified view."""


@dataclass(frozen=True)
class DeclaredLinks:
    """A dataset whose records are links: which external id is which master key."""

    entity: str
    system: str | None
    """The system that all of them are of; None if `system_field` says it for each."""
    system_field: str | None
    external_id: str
    """The field with the external id."""
    key: str
    """The field with the master key; where it is empty, the id stands for itself again."""
    reason: str | None = None
    """The field with the reason."""


class Comparison(StrEnum):
    """When the values of two fields may mean the same thing."""

    CODE = "code"
    """Letters and digits are the same: `W-1234` and `w 1234`."""
    NAME = "name"
    """Words are nearly the same, in any order."""


@dataclass(frozen=True)
class MatchRule:
    """What suggests that an external id is a master record."""

    name: str
    field: str
    """The master's field that is compared."""
    comparison: Comparison
    similarity: float
    """From 0 to 100: how alike names must be at least."""
    accepts: bool
    """Whether the rule decides; otherwise a person does."""


@dataclass(frozen=True)
class DeclaredEntity:
    """What a contract says about its records as the master records of an entity."""

    rules: tuple[MatchRule, ...] | None = None
    """None for the usual ones: the key and other identifiers are compared as codes, and a person decides."""
    trust: tuple[str, ...] = ()
    """The sources of attributes, the most trusted first: systems, and the name of the dataset itself."""
    trust_by_attribute: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The same of single attributes."""
