"""What columns are for: the key, the time, dimensions, measures, texts. Names help, the values decide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from logistics_core.catalogue import FieldType, Role
from logistics_core.catalogue.model import NESTED_TYPES, NUMERIC_TYPES, TEMPORAL_TYPES
from logistics_pipeline.inference.column_types import Column, Doubt, Reading
from logistics_pipeline.inference.names import words_of
from logistics_pipeline.inference.tables import Cells, SampleTable

_KEY_WORDS = frozenset({"id", "key", "uuid", "guid", "uid", "pk", "oid"})
_CODE_WORDS = frozenset(
    {"code", "no", "nr", "num", "number", "nummer", "ref", "reference", "symbol", "isin", "iban", "sku"}
)
_POSITION_WORDS = frozenset({"lat", "latitude", "lon", "lng", "long", "longitude"})
_ENDINGS_OF_KEYS = ("nr", "nummer", "number", "code", "nbr")
"""Of words that are written together: Belegnr."""
_GROUP_WORDS = frozenset(
    {"customer", "client", "kunde", "user", "driver", "vehicle", "product", "item", "store", "shop", "warehouse",
     "depot", "type", "class", "category", "group", "level", "status", "rank", "zone", "region", "month", "week",
     "weekday", "hour", "quarter", "flag", "is", "has", "position", "sequence", "seq", "stop", "line", "grade",
     "rating"}
)  # fmt: skip
_PLAIN_TIME_NAMES = frozenset({"date", "datum", "time", "timestamp", "day", "datetime", "fecha", "data"})

_MOST_KEY_COLUMNS = 3
_MOST_CANDIDATES = 10
"""Columns of which keys of several columns are tried."""
_PROBE_ROWS = 500
_FEW_ROWS = 30
"""Records that by themselves are too few to prove a key."""
_REPEATED_SHARE = 0.01
"""The most records of which a key may be repeated by mistake."""
_DIMENSION_SHARE = 0.5
"""A text column with fewer distinct values than this share of its cells groups records."""
_MOST_GROUPS = 20_000


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
        missing = self.column.cells(self.reading.missing)
        return (self.column.filled - missing) / self.column.rows if self.column.rows else 0.0

    @property
    def is_unique(self) -> bool:
        """Whether all records have different values."""
        return self.is_full and len(self.column.counts) == self.column.rows


@dataclass(frozen=True)
class Key:
    """The columns that tell records apart; none if no three do."""

    columns: tuple[str, ...]
    because: str
    is_certain: bool = True
    """False if only a few records speak for it, and not its name."""


def find_key(columns: Sequence[TypedColumn], table: SampleTable, *, is_whole: bool) -> Key:
    """The smallest set of columns that is unique and filled in all records; of several, the one named as a key."""
    rows, where = table.rows, "of the file" if is_whole else "that were read"
    are_many = is_whole and rows >= _FEW_ROWS
    if rows < 2:
        return Key((), "a single record tells nothing about keys")
    singles = [each for each in columns if each.is_unique and _may_be_key(each, columns)]
    if singles:
        best = min(singles, key=lambda each: (_key_rank(each, is_first=each is columns[0]), columns.index(each)))
        is_named = _key_rank(best, is_first=False) <= 1
        return Key((best.name,), f"unique in all {rows:,} records {where}, and never empty", is_named or are_many)
    for names in _combined_keys(columns, rows):
        return Key(names, f"together unique in all {rows:,} records {where}, and never empty", are_many)
    return Key(
        (),
        f"no {_MOST_KEY_COLUMNS} columns are unique in the {rows:,} records {where}: the file and the number of a "
        "record identify it",
    )


def doubt_of_key(key: Key, columns: Sequence[TypedColumn]) -> Doubt | None:
    """Asks about a key that few records speak for, or a column named as one that is unique but for a few records."""
    if key.columns and not key.is_certain:
        rows, names = columns[0].column.rows, ", ".join(key.columns)
        text = (
            f"Is {names} the key? Only {rows:,} records speak for it; of records with the same key the last one counts."
        )
        return Doubt("key", text, rows, (names, "no key"))
    if len(key.columns) == 1:
        return None
    for each in columns:
        repeated = each.column.rows - len(each.column.counts)
        if each.is_full and each.words & _KEY_WORDS and 0 < repeated <= _REPEATED_SHARE * each.column.rows:
            text = (
                f"Is {each.name} the key? Every record has a value, but {repeated:,} of {each.column.rows:,} repeat "
                "the value of another; of records with the same key the last one counts."
            )
            return Doubt("key", text, repeated, (each.name, ", ".join(key.columns) or "no key"))
    return None


def _may_be_key(each: TypedColumn, columns: Sequence[TypedColumn]) -> bool:
    """Whether a unique column is one by nature, not by chance, as measures of few records are."""
    if each.reading.type in (FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DURATION, *NESTED_TYPES):
        return False
    if each.words & _POSITION_WORDS:
        return False
    if each.reading.type is FieldType.INTEGER:
        return bool(each.words & (_KEY_WORDS | _CODE_WORDS)) or each is columns[0]
    return True


def _key_rank(each: TypedColumn, *, is_first: bool) -> int:
    """The smaller, the more a column is named as a key."""
    if each.words & _KEY_WORDS:
        return 0
    if each.words & _CODE_WORDS or any(word.endswith(_ENDINGS_OF_KEYS) for word in each.words):
        return 1
    if is_first:
        return 2
    if each.reading.type is FieldType.STRING:
        return 4 if _average_length(each) <= 40 else 6
    return 3 if each.reading.type in TEMPORAL_TYPES else 5


def _average_length(each: TypedColumn) -> float:
    counts = each.column.counts
    return sum(map(len, counts)) / max(1, len(counts))


def _combined_keys(columns: Sequence[TypedColumn], rows: int) -> Iterator[tuple[str, ...]]:
    """Pairs, then triples of columns that are unique together, those that look like keys first."""
    candidates = [each for each in columns if each.is_full and len(each.column.counts) > 1 and _may_be_part(each)]
    candidates = sorted(candidates, key=lambda each: (_part_rank(each), columns.index(each)))[:_MOST_CANDIDATES]
    for size in range(2, _MOST_KEY_COLUMNS + 1):
        for chosen in combinations(candidates, size):
            product = 1
            for each in chosen:
                product *= len(each.column.counts)
            if product >= rows and _are_unique(chosen, rows):
                yield tuple(each.name for each in sorted(chosen, key=columns.index))


def _may_be_part(each: TypedColumn) -> bool:
    if each.reading.type is FieldType.INTEGER:
        return bool(each.words & (_KEY_WORDS | _CODE_WORDS | _GROUP_WORDS))
    return each.reading.type in {
        FieldType.STRING, *TEMPORAL_TYPES, FieldType.YEAR, FieldType.YEAR_MONTH, FieldType.TIME,
    } and _average_length(each) <= 60  # fmt: skip


def _part_rank(each: TypedColumn) -> int:
    if each.words & (_KEY_WORDS | _CODE_WORDS):
        return 0
    return 1 if each.reading.type in {*TEMPORAL_TYPES, FieldType.YEAR, FieldType.YEAR_MONTH} else 2


def _are_unique(chosen: Sequence[TypedColumn], rows: int) -> bool:
    probe = min(rows, _PROBE_ROWS)
    if len(set(zip(*(each.cells[:probe] for each in chosen), strict=True))) < probe:
        return False
    return len(set(zip(*(each.cells for each in chosen), strict=True))) == rows


def find_time(columns: Sequence[TypedColumn]) -> tuple[str | None, Doubt | None]:
    """The column that dates records: the fullest date; several that are as full are a question."""
    dates = [each for each in columns if each.reading.type in TEMPORAL_TYPES and each.fill > 0]
    if not dates:
        return None, None
    named = [each for each in dates if each.words <= _PLAIN_TIME_NAMES and each.fill == 1]
    if len(named) == 1:
        return named[0].name, None
    fullest = max(each.fill for each in dates)
    equal = [each for each in dates if each.fill == fullest]
    if len(equal) == 1:
        return equal[0].name, None
    names = [each.name for each in equal]
    text = f"Which date do records belong to: {' or '.join(names)}? Each is filled in {fullest:.0%} of the records."
    return None, Doubt("time_column", text, equal[0].column.rows, tuple(names))


def find_role(each: TypedColumn, key: Key, time_column: str | None) -> Role:
    """What a column is for."""
    type, words = each.reading.type, words_of(each.column.title)
    if each.name in key.columns and (len(key.columns) == 1 or set(words) & _KEY_WORDS):
        return Role.IDENTIFIER
    if each.name == time_column or type in TEMPORAL_TYPES:
        return Role.TIME
    if type in NUMERIC_TYPES or type is FieldType.DURATION:
        return _role_of_number(each, set(words))
    if type in (FieldType.YEAR, FieldType.YEAR_MONTH, FieldType.TIME):
        return Role.TIME if time_column is None else Role.DIMENSION
    if type is FieldType.BOOLEAN:
        return Role.DIMENSION
    return Role.TEXT if type in NESTED_TYPES else _role_of_text(each, set(words))


def _role_of_number(each: TypedColumn, words: set[str]) -> Role:
    if each.reading.type is FieldType.INTEGER:
        if words & _KEY_WORDS:
            return Role.IDENTIFIER if each.is_unique else Role.DIMENSION
        values = set(each.column.counts) - set(each.reading.missing)
        if words & (_CODE_WORDS | _GROUP_WORDS) or values <= {"0", "1"}:
            return Role.DIMENSION
    return Role.DIMENSION if words & _POSITION_WORDS else Role.MEASURE


def _role_of_text(each: TypedColumn, words: set[str]) -> Role:
    counts = each.column.counts
    if not counts:
        return Role.TEXT
    if each.is_unique and words & _KEY_WORDS:
        return Role.IDENTIFIER
    if words & (_KEY_WORDS | _CODE_WORDS | _GROUP_WORDS) and _average_length(each) <= 40:
        return Role.DIMENSION
    few = len(counts) <= _MOST_GROUPS and len(counts) <= max(1, _DIMENSION_SHARE * each.column.filled)
    return Role.DIMENSION if few and _average_length(each) <= 60 else Role.TEXT
