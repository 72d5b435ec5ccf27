"""A column with what its values prove, and the words in its title that say what it is for."""

from dataclasses import dataclass

from logistics_core.catalogue import FieldType
from logistics_core.catalogue.model import TEMPORAL_TYPES
from logistics_pipeline.inference.column_types import Column, Reading
from logistics_pipeline.inference.names import words_of
from logistics_pipeline.inference.tables import Cells

KEY_WORDS = frozenset({"id", "key", "uuid", "guid", "uid", "pk", "oid"})
CODE_WORDS = frozenset(
    {"code", "no", "nr", "num", "number", "nummer", "ref", "reference", "symbol", "isin", "iban", "sku"}
)
ENDINGS_OF_CODES = ("nr", "nummer", "number", "code", "nbr")
"""Of words that are written together: Belegnr."""
POSITION_WORDS = frozenset({"lat", "latitude", "lon", "lng", "long", "longitude"})
GROUP_WORDS = frozenset(
    {"customer", "client", "kunde", "user", "driver", "vehicle", "product", "item", "store", "shop", "warehouse",
     "depot", "type", "class", "category", "group", "level", "status", "rank", "zone", "region", "month", "week",
     "weekday", "hour", "quarter", "flag", "is", "has", "position", "sequence", "seq", "stop", "line", "grade",
     "rating"}
)  # fmt: skip


@dataclass(frozen=True)
class TypedColumn:
    """A column with what its values prove."""

    name: str
    column: Column
    reading: Reading
    cells: Cells

    @property
    def words(self) -> set[str]:
        return set(words_of(self.column.title))

    @property
    def is_full(self) -> bool:
        """Whether every record has a value."""
        return not self.column.empty and not self.reading.missing

    @property
    def fill(self) -> float:
        """The share of records with a value."""
        return self.values / self.column.rows if self.column.rows else 0.0

    @property
    def values(self) -> int:
        """How many records have a value."""
        return self.column.filled - self.column.cells(self.reading.missing)

    @property
    def has_no_repeats(self) -> bool:
        """Whether no two records have the same value."""
        return self.distinct - len(self.reading.missing) == self.values

    @property
    def distinct(self) -> int:
        return len(self.column.counts)

    @property
    def is_unique(self) -> bool:
        """Whether all records have different values."""
        return self.is_full and self.distinct == self.column.rows

    @property
    def is_constant(self) -> bool:
        """Whether all records have the same value."""
        return self.is_full and self.distinct == 1

    @property
    def is_key_by_name(self) -> bool:
        return bool(self.words & KEY_WORDS)

    @property
    def is_code_by_name(self) -> bool:
        """Whether its title says that it is a number or code that people refer to."""
        return bool(self.words & CODE_WORDS) or any(word.endswith(ENDINGS_OF_CODES) for word in self.words)

    @property
    def is_time(self) -> bool:
        """Whether it is a date or a time, or may be one."""
        readings = (self.reading, self.reading.otherwise)
        return any(each is not None and each.type in _TIMES for each in readings)

    @property
    def average_length(self) -> float:
        return sum(map(len, self.column.counts)) / max(1, self.distinct)


_TIMES = frozenset({*TEMPORAL_TYPES, FieldType.TIME, FieldType.YEAR, FieldType.YEAR_MONTH})
