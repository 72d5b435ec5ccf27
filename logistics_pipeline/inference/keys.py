"""The key: the columns that tell records apart. Names help, the values decide, and what is not evident is a question.

That a column is unique in one file does not make it a key: a row number or a date is, too, and then every further file
would replace the one before. So a key is taken without a question only if its name or the form of its values says that
it identifies something.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, pairwise

from logistics_core.catalogue import FieldType
from logistics_core.catalogue.model import NESTED_TYPES, TEMPORAL_TYPES
from logistics_pipeline.inference.column_types import Doubt
from logistics_pipeline.inference.tables import SampleTable
from logistics_pipeline.inference.typed_column import (
    CODE_WORDS,
    GROUP_WORDS,
    KEY_WORDS,
    POSITION_WORDS,
    TypedColumn,
)

NO_KEY = "no key"
"""The answer that every record is a row of its own."""

_COUNTING_WORDS = frozenset(
    {"sequence", "seq", "line", "position", "pos", "posten", "row", "zeile", "lfd", "laufende", "index", "idx",
     "ordinal", "step", "leg", "rank"}
)  # fmt: skip
"""In titles of numbers that count records, within a file or within something else."""
_NUMBER_WORDS = frozenset({"no", "nr", "num", "number", "nummer"})
_TIME_WORDS = frozenset({"week", "kw", "month", "quarter", "period", "year", "day", "date", "monat", "jahr", "quartal"})
_PLACE_WORDS = frozenset({"zip", "plz", "postcode", "postal", "phone", "tel", "telephone", "telefon", "mobile"})
"""Of texts with digits that identify no record."""

_MOST_KEY_COLUMNS = 3
_MOST_PARTS = 10
"""Columns of which keys of several columns are tried."""
_MOST_CANDIDATES = 4
"""Keys that a question names."""
_PROBE_ROWS = 500
_FEW_ROWS = 30
"""Records that by themselves are too few to prove a key."""
_REPEATED_SHARE = 0.01
"""The most records of which a key may be repeated by mistake."""
_LONGEST_ID = 40
_RUNNING_SHARE = 0.95
"""Of a number that counts records, the least share of steps by one: a sample has gaps."""


@dataclass(frozen=True)
class Key:
    """The columns that tell records apart; none if no three do."""

    columns: tuple[str, ...]
    because: str
    candidates: tuple[tuple[str, ...], ...] = ()
    """Keys of which only a person can tell whether they are one; none if the key is evident."""
    why_asked: str = ""
    """What leaves the key open, as a sentence."""
    is_declared: bool = False
    """Whether somebody has said so, whatever the values are."""

    @property
    def is_certain(self) -> bool:
        return not self.candidates


def find_key(columns: Sequence[TypedColumn], table: SampleTable, *, is_whole: bool) -> Key:
    """The smallest set of columns that is unique and filled in all records, if it is evident; otherwise candidates.

    The first of the candidates is proposed, and waits for an answer.
    """
    rows, where = table.rows, "of the file" if is_whole else "that were read"
    if rows < 2:
        return Key((), "a single record tells nothing about keys")
    named = [each for each in columns if each.is_unique and _identifies(each, is_first=each is columns[0])]
    unique = f"unique in all {rows:,} records {where}, and never empty"
    if named:
        return _of_named(named, columns, unique)
    counted = _counted(columns, rows)
    if counted:
        return _of_counted(counted, f"together {unique}")
    singles = [each for each in columns if each.is_unique and _may_be_key(each, is_first=each is columns[0])]
    nearly = next((each for each in columns if _identifies_nearly(each, is_first=each is columns[0])), None)
    if nearly is not None:
        return _of_nearly_filled(nearly, [(each,) for each in singles] or _combined_keys(columns, rows))
    if singles:
        return _of_unnamed(singles, columns, unique)
    combined = _combined_keys(columns, rows)
    if combined:
        return _of_combined(combined, rows, f"together {unique}", is_whole=is_whole)
    return Key(
        (),
        f"no {_MOST_KEY_COLUMNS} columns are unique in the {rows:,} records {where}: the file and the number of a "
        "record identify it",
    )


def doubt_of_key(key: Key, columns: Sequence[TypedColumn]) -> Doubt | None:
    """Asks about a key that is not evident, or a column named as one that is unique but for a few records."""
    if key.candidates:
        rows, names = columns[0].column.rows, [", ".join(each) for each in key.candidates]
        text = (
            f"Is {' or '.join(names)} the key? {key.why_asked} Of records with the same key the last one counts, also "
            "across files; without a key every record is kept."
        )
        return Doubt("key", text, rows, (*names, NO_KEY))
    if key.is_declared or len(key.columns) == 1:
        return None
    for each in columns:
        repeated = each.column.rows - each.distinct
        if each.is_full and each.is_key_by_name and 0 < repeated <= _REPEATED_SHARE * each.column.rows:
            text = (
                f"Is {each.name} the key? Every record has a value, but {repeated:,} of {each.column.rows:,} repeat "
                "the value of another; of records with the same key the last one counts."
            )
            return Doubt("key", text, repeated, (each.name, ", ".join(key.columns) or NO_KEY))
    return None


# -- one column ------------------------------------------------------------------------------------------------------


def _may_be_key(each: TypedColumn, *, is_first: bool) -> bool:
    """Whether a unique column is one by nature, not by chance, as measures of few records are."""
    if each.reading.type in (FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DURATION, *NESTED_TYPES):
        return False
    if each.words & POSITION_WORDS:
        return False
    if each.reading.type is FieldType.INTEGER:
        return is_first or each.is_key_by_name or each.is_code_by_name or bool(each.words & _COUNTING_WORDS)
    return True


def _identifies(each: TypedColumn, *, is_first: bool) -> bool:
    """Whether the name or the form of its values says that a unique column identifies records."""
    if not _may_be_key(each, is_first=is_first) or each.is_time or _counts_records(each):
        return False
    if each.is_key_by_name or each.is_code_by_name:
        return True
    return is_first and _holds_codes(each)


def _counts_records(each: TypedColumn) -> bool:
    """Whether it is a row number, or named like a number that counts within something else."""
    if each.words & _COUNTING_WORDS:
        return True
    is_named = bool(each.words - _NUMBER_WORDS) and (each.is_key_by_name or each.is_code_by_name)
    return not is_named and each.reading.type is FieldType.INTEGER and is_running(each)  # no row number is 0001


def is_running(each: TypedColumn) -> bool:
    """Whether its values are 1, 2, 3 and so on, in this order, or begin with 0."""
    numbers = _whole_numbers(each)
    if not numbers or numbers[0] not in (0, 1):
        return False
    steps = sum(after == before + 1 for before, after in pairwise(numbers))
    return steps >= _RUNNING_SHARE * (len(numbers) - 1)


def _whole_numbers(each: TypedColumn) -> list[int]:
    """Its values as numbers; none if some are no whole numbers."""
    texts = [cell.strip() if cell is not None else "" for cell in each.cells]
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in texts):
        return []
    return list(map(int, texts))


def _holds_codes(each: TypedColumn) -> bool:
    """Whether its texts are codes such as P-17: short, without spaces, with a digit in each."""
    if each.reading.type is not FieldType.STRING or each.words & (_TIME_WORDS | _PLACE_WORDS):
        return False
    return all(
        len(text) <= _LONGEST_ID and not any(map(str.isspace, text)) and any(map(str.isdigit, text))
        for text in each.column.counts
    )


def _of_named(named: Sequence[TypedColumn], columns: Sequence[TypedColumn], because: str) -> Key:
    """The key of columns that identify records; a question if several are named alike, or one names other things."""
    best = min(named, key=lambda each: (_key_rank(each, columns), columns.index(each)))
    equal = [each for each in named if _key_rank(each, columns) == _key_rank(best, columns)]
    if len(equal) > 1 and best is not columns[0] and not best.words <= KEY_WORDS:
        return _asked(
            [(each.name,) for each in equal], because, "Each of them is different in all records of this file."
        )
    dates = [each for each in columns if each.is_time and each.is_constant]
    if dates and best.words & GROUP_WORDS:
        dated = tuple(each.name for each in columns if each in (dates[0], best))
        return _asked(
            [dated, (best.name,)],
            because,
            f"All records of this file have the same {dates[0].name}, so the next file may have the same "
            f"{best.name} again.",
        )
    return Key((best.name,), because)


def _identifies_nearly(each: TypedColumn, *, is_first: bool) -> bool:
    """Whether it would identify records, were it not empty in a few of them."""
    lacking = each.column.rows - each.values
    if not 0 < lacking <= _REPEATED_SHARE * each.column.rows or each.values < _FEW_ROWS or not each.has_no_repeats:
        return False
    return (each.is_key_by_name or each.is_code_by_name) and _identifies(each, is_first=is_first)


def _of_nearly_filled(nearly: TypedColumn, others: Sequence[tuple[TypedColumn, ...]]) -> Key:
    """Asks about a key that a few records lack: a load would reject these."""
    rows = nearly.column.rows
    lacking = rows - nearly.values
    candidates = [(nearly.name,), *(tuple(part.name for part in each) for each in _without_synonyms(others))]
    return _asked(
        candidates,
        f"unique in all {nearly.values:,} records that have it; {lacking:,} of {rows:,} would be rejected without it",
        f"{nearly.name} is different in all {nearly.values:,} records that have it, but {lacking:,} of {rows:,} have "
        "none: with this key, a load rejects these.",
    )


def _key_rank(each: TypedColumn, columns: Sequence[TypedColumn]) -> tuple[int, bool]:
    """The smaller, the more a column is named as a key; those of other things, such as customers, come later."""
    is_of_other = bool(each.words & GROUP_WORDS) and each is not columns[0]
    if each.is_key_by_name:
        return 0, is_of_other
    return (1 if each.is_code_by_name else 2), is_of_other


def _of_unnamed(singles: Sequence[TypedColumn], columns: Sequence[TypedColumn], because: str) -> Key:
    """Asks about columns that are unique, but not evidently by nature: row numbers, dates, names."""
    singles = sorted(singles, key=lambda each: (_counts_records(each), each.is_time, each.average_length > _LONGEST_ID))
    best = singles[0]
    constant = [
        each for each in columns if each.is_constant and (each.is_time or each.reading.type is FieldType.STRING)
    ]
    candidates = [tuple(part.name for part in columns if part in (each, best)) for each in constant[:1]]
    candidates += [(each.name,) for each in singles[: _MOST_CANDIDATES - len(candidates)]]
    if _counts_records(best):
        why = f"{best.name} may be no more than the number of a row, which the next file has as well."
    elif best.is_time:
        why = f"{best.name} is a date or a time, which other records may have as well."
    else:
        why = "Nothing but the records of this file speaks for it."
    if constant:
        why += f" All records of this file have the same {constant[0].name}, those of other files may have another one."
    return _asked(candidates, because, why)


def _asked(candidates: Sequence[tuple[str, ...]], because: str, why: str) -> Key:
    return Key(candidates[0], because, tuple(candidates[:_MOST_CANDIDATES]), why)


# -- several columns -------------------------------------------------------------------------------------------------


def _counted(columns: Sequence[TypedColumn], rows: int) -> list[tuple[TypedColumn, TypedColumn]]:
    """Ids with the numbers that count within them: of an order its lines, of a trip its stops."""
    ids = [each for each in columns if each.is_full and _may_be_counted_within(each)]
    numbers = [each for each in columns if each.is_full and 1 < each.distinct < rows and _is_named_as_number(each)]
    return [
        (id, number)
        for id in ids
        for number in numbers
        if id is not number and id.distinct * number.distinct >= rows and _counts_within(id, number, rows)
    ]


def _may_be_counted_within(each: TypedColumn) -> bool:
    is_named = (each.is_key_by_name or each.is_code_by_name) and not each.words & _COUNTING_WORDS
    return is_named and 1 < each.distinct < each.column.rows and not each.is_time


def _is_named_as_number(each: TypedColumn) -> bool:
    return each.reading.type in (FieldType.INTEGER, FieldType.STRING) and bool(
        each.words & (_COUNTING_WORDS | _NUMBER_WORDS) or any(word.endswith(("nr", "nummer")) for word in each.words)
    )


def _counts_within(id: TypedColumn, number: TypedColumn, rows: int) -> bool:
    """Whether the number increases from record to record of an id; without a name that says so, from 0 or 1."""
    numbers = _whole_numbers(number)
    if not number.words & _COUNTING_WORDS and min(numbers, default=0) > 1:
        return False
    last: dict[str | None, int] = {}
    for which, value in zip(id.cells, numbers, strict=False):
        if last.get(which, -1) >= value:
            return False
        last[which] = value
    return len(numbers) == rows


def _of_counted(counted: Sequence[tuple[TypedColumn, TypedColumn]], because: str) -> Key:
    own = [each for each in counted if each[1].words & _COUNTING_WORDS] or counted
    own = [each for each in own if not each[0].words & GROUP_WORDS] or own
    candidates = [tuple(part.name for part in each) for each in own]
    if len({number.name for _, number in own}) == len(own) == 1 or _are_one_to_one([id for id, _ in own]):
        id, number = own[0]
        return Key(candidates[0], f"{because}; {number.name} counts within {id.name}")
    return _asked(candidates, because, "Each of them is different in all records of this file.")


def _are_one_to_one(columns: Sequence[TypedColumn]) -> bool:
    """Whether each value of one column belongs to one value of each of the others: a station's id and its name."""
    combinations_ = len(set(zip(*(each.cells for each in columns), strict=True)))
    return all(each.distinct == combinations_ for each in columns)


def _combined_keys(columns: Sequence[TypedColumn], rows: int) -> list[tuple[TypedColumn, ...]]:
    """The smallest sets of columns that are unique together, those that look like keys first."""
    parts = [each for each in columns if each.is_full and each.distinct > 1 and _may_be_part(each)]
    parts = sorted(parts, key=lambda each: (_part_rank(each), columns.index(each)))[:_MOST_PARTS]
    for size in range(2, _MOST_KEY_COLUMNS + 1):
        found = list(islice(_unique_sets(parts, size, rows), _MOST_CANDIDATES))
        if found:
            return [tuple(sorted(each, key=columns.index)) for each in found]
    return []


def _unique_sets(parts: Sequence[TypedColumn], size: int, rows: int) -> Iterator[tuple[TypedColumn, ...]]:
    for chosen in combinations(parts, size):
        product = 1
        for each in chosen:
            product *= each.distinct
        if product >= rows and _are_unique(chosen, rows):
            yield chosen


def _may_be_part(each: TypedColumn) -> bool:
    if each.reading.type is FieldType.INTEGER:
        return bool(each.words & (KEY_WORDS | CODE_WORDS | GROUP_WORDS))
    return each.average_length <= 60 and (each.reading.type is FieldType.STRING or each.is_time)


def _part_rank(each: TypedColumn) -> int:
    if each.words & (KEY_WORDS | CODE_WORDS):
        return 0
    return 1 if each.reading.type in {*TEMPORAL_TYPES, FieldType.YEAR, FieldType.YEAR_MONTH} else 2


def _are_unique(chosen: Sequence[TypedColumn], rows: int) -> bool:
    probe = min(rows, _PROBE_ROWS)
    if len(set(zip(*(each.cells[:probe] for each in chosen), strict=True))) < probe:
        return False
    return len(set(zip(*(each.cells for each in chosen), strict=True))) == rows


def _of_combined(combined: Sequence[tuple[TypedColumn, ...]], rows: int, because: str, *, is_whole: bool) -> Key:
    """The only set of columns, if many records speak for it and it names or dates what it is about; else a question."""
    first, *others = _without_synonyms(combined)
    candidates = [tuple(part.name for part in each) for each in (first, *others)]
    if others:
        return _asked(candidates, because, "Each of them is different in all records of this file.")
    if not is_whole or rows < _FEW_ROWS:
        return _asked(candidates, because, f"Only {rows:,} records speak for it.")
    if not any(each.is_time or each.is_key_by_name or each.is_code_by_name for each in first):
        return _asked(candidates, because, "Nothing but the records of this file speaks for it.")
    return Key(candidates[0], because)


def _without_synonyms(combined: Sequence[tuple[TypedColumn, ...]]) -> list[tuple[TypedColumn, ...]]:
    """The sets without those that differ from an earlier one by a column that says the same as its own."""
    kept: list[tuple[TypedColumn, ...]] = []
    for each in combined:
        if not any(_say_the_same(each, other) for other in kept):
            kept.append(each)
    return kept


def _say_the_same(some: Sequence[TypedColumn], others: Sequence[TypedColumn]) -> bool:
    names, other_names = {each.name for each in some}, {each.name for each in others}
    differing = [each for each in some if each.name not in other_names]
    differing += [each for each in others if each.name not in names]
    return len(differing) == 2 and _are_one_to_one(differing)
