"""What the fields of the schema stand for: noted on each of them, for the compiler. Plain data.

A field without a meaning belongs to a document of REST, or to introspection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from graphql import GraphQLField

from logistics_api.rows.tables import Table
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.identities import ExternalId

KEY = "meaning"
"""The entry of a field's extensions."""

LOGIC = {"and": "#and", "or": "#or", "not": "#not"}
"""How filters name what joins conditions, so that a field can have any name."""

RELATION = "."
"""What follows the name of a reference in a filter: no field has it."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a row."""

    table: Table
    name: str


@dataclass(frozen=True, eq=False)
class SourceOfRow:
    """Where a row came from."""

    table: Table


@dataclass(frozen=True, eq=False)
class SourceColumn:
    """A column of the source of a row."""

    name: str


@dataclass(frozen=True, eq=False)
class Referred:
    """The record that a row refers to."""

    table: Table
    pairs: tuple[tuple[str, str], ...]
    """The columns of its key, each with the column of the row that holds it."""
    system: str | None = None
    """The system whose id that column holds, if it is no key but linked with one."""


@dataclass(frozen=True, eq=False)
class MasterKey:
    """The master key of the thing that an id of another system stands for."""

    external: ExternalId


@dataclass(frozen=True, eq=False)
class RowByKey:
    """One row, by its identity."""

    table: Table
    arguments: Mapping[str, str]
    """The column of each argument."""


@dataclass(frozen=True, eq=False)
class Connection:
    """Rows page by page: all of a dataset, or those that refer to a row."""

    table: Table
    catalogue: Catalogue
    """For filters on what rows refer to."""
    pairs: tuple[tuple[str, str], ...] = ()
    """The columns that refer, each with the column of the row that they refer to."""
    system: str | None = None
    """The system whose ids the one column holds, if these are linked with the key of that row."""


class Part(Enum):
    """A part of a connection."""

    NODES = auto()
    EDGES = auto()
    PAGE_INFO = auto()
    NODE = auto()
    CURSOR = auto()
    HAS_NEXT_PAGE = auto()
    HAS_PREVIOUS_PAGE = auto()
    START_CURSOR = auto()
    END_CURSOR = auto()
    TOTAL = auto()
    TOTAL_ROWS = auto()
    TOTAL_KIND = auto()


@dataclass(frozen=True, eq=False)
class DatasetMetrics:
    """Metrics of a dataset."""

    dataset: Dataset
    dimensions: Mapping[str, str]
    """The path of each value of the dimensions' enumeration."""


@dataclass(frozen=True, eq=False)
class MetricColumn:
    """A column of the rows of an answer about metrics."""

    name: str


@dataclass(frozen=True, eq=False)
class MetricPart:
    """A part of an answer about metrics: its rows, or something about them."""

    name: str


@dataclass(frozen=True, eq=False)
class RestDocument:
    """What a path of REST answers, of which the selection takes parts."""

    load: Callable[..., Any]
    """Makes the document: of the request, the database and the arguments."""
    operation: str
    """The operation of REST that answers it, by its name."""
    is_change: bool = False
    rows: int = 1
    """How many rows an entry of its list counts for."""


Meaning = (
    Column
    | SourceOfRow
    | SourceColumn
    | Referred
    | MasterKey
    | RowByKey
    | Connection
    | Part
    | DatasetMetrics
    | MetricColumn
    | MetricPart
    | RestDocument
)


def meaning_of(field: GraphQLField) -> Meaning | None:
    """What a field of the schema stands for."""
    found: Meaning | None = field.extensions.get(KEY)
    return found
