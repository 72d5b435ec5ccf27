"""The types that a column can have, and what its values prove. Plain data."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from logistics_core.catalogue import FieldType
from logistics_pipeline.loading.contract.dates import NumberOrder
from logistics_pipeline.loading.contract.number_formats import NumberFormat


def hang_on_it(cells: int) -> str:
    """How many cells depend on an answer, as the end of a question."""
    return f"{cells:,} {'cell depends' if cells == 1 else 'cells depend'} on it."


@dataclass(frozen=True)
class Doubt:
    """What the whole column leaves open: becomes a question."""

    kind: str
    text: str
    cells: int
    answers: tuple[str, ...]
    values: tuple[str, ...] = ()
    """The texts in question, where some of a column are."""


@dataclass(frozen=True)
class Reading:
    """A type, how the column's values are written, and why."""

    type: FieldType
    because: tuple[str, ...] = ()
    """The evidence, one sentence each."""
    doubts: tuple[Doubt, ...] = ()
    missing: tuple[str, ...] = ()
    """Texts that mean "nothing" in this column."""
    number_format: NumberFormat | None = None
    """The decimal character and the group character, if a value proves one."""
    group: str | None = None
    """The group character where no value proves a decimal character."""
    open_formats: tuple[NumberFormat, ...] = ()
    """Where several fit all values and would read some differently."""
    currency: str | None = None
    is_percent: bool = False
    has_parentheses: bool = False
    """Negative numbers are in parentheses."""
    date_orders: tuple[NumberOrder, ...] = ()
    """The orders of dates of all numbers that fit all cells."""
    date_forms: tuple[str, ...] = ()
    """How dates are written: `%d.%m.%Y`."""
    format: str | None = None
    """The pattern of strptime that all values have, where the contract must say it."""
    true_values: tuple[str, ...] = ()
    """The words of a boolean, where they are not the usual ones."""
    false_values: tuple[str, ...] = ()
    zone: str | None = None
    """`all`, `none` or `some` of the timestamps have a time zone."""
    otherwise: "Reading | None" = None
    """What the column is if a person answers that it is no text."""

    def but(self, *because: str, **changes: object) -> "Reading":
        """The same with more evidence, and perhaps changed."""
        return replace(self, because=(*self.because, *because), **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Column:
    """A column of a sample: its title and its distinct values with their counts."""

    title: str
    counts: dict[str, int]
    """By trimmed text, in the order in which they first occur; without empty ones."""
    empty: int = 0
    """Cells that are empty, absent or null."""
    rows: int = 0
    natives: frozenset[str] = field(default=frozenset())
    """Kinds of JSON values: `number`, `text`, `boolean`, `nested`. Empty for CSV."""

    @property
    def filled(self) -> int:
        return self.rows - self.empty

    def cells(self, texts: Sequence[str]) -> int:
        """How many cells hold one of some texts."""
        return sum(map(self.counts.__getitem__, texts))
