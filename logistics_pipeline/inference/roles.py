"""What columns are for: the time, dimensions, measures, texts. Names help, the values decide. `keys` finds the key."""

from collections.abc import Collection, Sequence

from logistics_core.catalogue import FieldType, Role
from logistics_core.catalogue.model import NESTED_TYPES, NUMERIC_TYPES, TEMPORAL_TYPES
from logistics_pipeline.inference.column_types import Doubt
from logistics_pipeline.inference.keys import Key
from logistics_pipeline.inference.names import words_of
from logistics_pipeline.inference.typed_column import CODE_WORDS, GROUP_WORDS, KEY_WORDS, POSITION_WORDS, TypedColumn

_PLAIN_TIME_NAMES = frozenset({"date", "datum", "time", "timestamp", "day", "datetime", "fecha", "data"})
_DIMENSION_SHARE = 0.5
"""A text column with fewer distinct values than this share of its cells groups records."""
_MOST_GROUPS = 20_000
_DIGITS_OF_IDS = 9
"""Amounts with so many digits do not all have equally many."""


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


def no_days(name: str) -> str:
    """That the records of a dataset have no days, and what to do."""
    return (
        f"The dataset has no days, as some records have no {name}. If these may be rejected, write "
        f"`constraints: {{required: true}}` at {name} and `datedBy: {{field: {name}}}` into the contract."
    )


def find_role(each: TypedColumn, key: Key, time_column: str | None) -> Role:
    """What a column is for."""
    type, words = each.reading.type, words_of(each.column.title)
    if each.name in key.columns and (len(key.columns) == 1 or set(words) & KEY_WORDS):
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
        if words & KEY_WORDS:
            return Role.IDENTIFIER if each.is_unique else Role.DIMENSION
        values = set(each.column.counts) - set(each.reading.missing)
        if (
            words & (CODE_WORDS | GROUP_WORDS)
            or each.is_code_by_name
            or values <= {"0", "1"}
            or _are_numbers_of(values)
        ):
            return Role.DIMENSION
    return Role.DIMENSION if words & POSITION_WORDS else Role.MEASURE


def _are_numbers_of(values: Collection[str]) -> bool:
    """Whether whole numbers look like those of cards or accounts: many digits, and as many in each."""
    lengths = set(map(len, values))
    return len(values) > 1 and len(lengths) == 1 and lengths.pop() >= _DIGITS_OF_IDS and all(map(str.isdecimal, values))


def _role_of_text(each: TypedColumn, words: set[str]) -> Role:
    counts = each.column.counts
    if not counts:
        return Role.TEXT
    if each.is_unique and words & KEY_WORDS:
        return Role.IDENTIFIER
    if words & (KEY_WORDS | CODE_WORDS | GROUP_WORDS) and each.average_length <= 40:
        return Role.DIMENSION
    few = len(counts) <= _MOST_GROUPS and len(counts) <= max(1, _DIMENSION_SHARE * each.column.filled)
    return Role.DIMENSION if few and each.average_length <= 60 else Role.TEXT
