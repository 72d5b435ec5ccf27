"""Finds out which columns of a file are fields under another name: a column has vanished, another is new.

Pure, and only ever a proposal: a person says whether it is so. A pair needs values alike, and names alike or the same
place among the columns. Names with opposite words (`start_date`, `end_date`) are different things, however alike.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from logistics_core.profiles import FieldProfile, ValueKind
from logistics_pipeline.inference.names import words_of

SHARED_VALUES = 0.6
"""The share of distinct texts that two columns have in common if they are one."""
NEAR_NAMES = 0.5
"""From here on names are near."""

_ALIKE = 0.55
"""From here on values are alike."""
_VERY_ALIKE = 0.8
"""From here on values alone tell that two columns are one, if no other can be."""
_FAR_POINTS = 0.35
"""By how much of their spread points of numbers may differ on average."""
_FEW_VALUES = 12
"""Columns with fewer distinct values than this are alike by chance."""
_CERTAIN = 0.9
_ALL_DISTINCT = 0.5
"""Of values, from where on a column holds names or numbers of single things, which differ from file to file."""

_GENERAL = frozenset(
    re.findall(
        "[a-z]+",
        "id no nr num number code key name date day time at on of the de la le di der total value amount type kind "
        "datum nummer fecha numero nombre nom data field column col",
    )
)
"""Words that many columns of a file share."""

_OPPOSITES = frozenset(
    frozenset(pair.split("/"))
    for pair in re.findall(
        "[a-z]+/[a-z]+",
        "start/end start/stop first/last min/max net/gross from/to pickup/delivery origin/destination in/out "
        "created/updated lat/lon latitude/longitude lat/lng buy/sell planned/actual begin/end open/close "
        "opened/closed old/new before/after left/right sender/receiver sender/recipient shipper/consignee "
        "arrival/departure height/width length/width length/height source/target debit/credit low/high lower/upper "
        "von/bis netto/brutto beginn/ende vorname/nachname ordered/shipped ordered/delivered shipped/delivered "
        "loaded/unloaded morning/evening minimum/maximum entrada/salida alta/baja debut/fin depart/arrivee "
        "given/family inbound/outbound load/unload purchase/sale cost/price",
    )
)
"""Words for different things: columns with them are not the same under two names."""


@dataclass(frozen=True)
class Candidate:
    """A column that has vanished, or one that is new."""

    name: str
    titles: tuple[str, ...]
    """All names that it has."""
    family: str
    """Its type, as far as types can be told apart by values: one of two columns of other families is no rename."""
    position: int
    profile: FieldProfile | None
    before: str | None = None
    after: str | None = None
    """Its neighbours that are fields in both."""


@dataclass(frozen=True)
class Rename:
    """A new column that probably is a vanished one."""

    old: Candidate
    new: Candidate
    score: float
    evidence: tuple[str, ...]


def find_renames(vanished: Sequence[Candidate], new: Sequence[Candidate]) -> list[Rename]:
    """Returns probable renames, each column at most once, the best first."""
    pairs = [rename for old in vanished for column in new if (rename := compare(old, column)) is not None]
    found: list[Rename] = []
    for rename in sorted(pairs, key=lambda each: (-each.score, each.old.position, each.new.position)):
        if all(rename.old is not each.old and rename.new is not each.new for each in found):
            found.append(rename)
    olds, news = (
        [each for each in columns if each not in taken]
        for columns, taken in ((vanished, [each.old for each in found]), (new, [each.new for each in found]))
    )
    return found + [rename for pair in _only_pairs(olds, news) if (rename := compare(*pair, is_only=True)) is not None]


def _only_pairs(vanished: Sequence[Candidate], new: Sequence[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
    """The columns of a family of which one has vanished and one is new: no other can be what has become of it."""
    for old in vanished:
        others = [each for each in vanished if each.family == old.family]
        columns = [each for each in new if each.family == old.family]
        if len(others) == len(columns) == 1:
            yield old, columns[0]


def compare(old: Candidate, new: Candidate, *, is_only: bool = False) -> Rename | None:
    """The rename of one column to another, if it is probable. `is_only`: no other can be it, wherever it stands."""
    if old.family != new.family:
        return None
    names = name_similarity(old.titles, new.titles)
    if names is None:
        return None
    values, said = _value_similarity(old.profile, new.profile)
    is_in_place = old.position == new.position or (
        (old.before, old.after) == (new.before, new.after) and (old.before, old.after) != (None, None)
    )
    is_near = names >= NEAR_NAMES
    if values is None:
        is_probable = is_near and (is_in_place or names >= _CERTAIN)
    else:
        is_probable = values >= _ALIKE and (is_near or (is_in_place and values >= SHARED_VALUES))
        is_probable |= is_only and values >= _VERY_ALIKE and not _are_few_texts(old.profile, new.profile)
    if not is_probable:
        return None
    evidence = [said] if said else []
    evidence += ["the names are alike"] if is_near else []
    evidence += ["it stands in the same place"] if is_in_place else []
    return Rename(old, new, names + (values or 0.0) + is_in_place / 2, tuple(evidence))


# -- names -----------------------------------------------------------------------------------------------------------


def name_similarity(old: Sequence[str], new: Sequence[str]) -> float | None:
    """How near two columns' names are, from 0 to 1; None if they name opposites."""
    found = [_similarity(words_of(one), words_of(other)) for one in old for other in new]
    return None if any(each is None for each in found) else max((each or 0.0 for each in found), default=0.0)


def _similarity(old: Sequence[str], new: Sequence[str]) -> float | None:
    if _are_opposites(set(old) - set(new), set(new) - set(old)):
        return None
    if not old or not new:
        return 0.0
    ours, theirs = _telling(old), _telling(new)
    letters = SequenceMatcher(None, "".join(ours), "".join(theirs), autojunk=False).ratio()
    return max(letters if letters >= _letters_needed(ours, theirs) else letters / 2, _shared_words(ours, theirs))


def _are_opposites(ours: set[str], theirs: set[str]) -> bool:
    if any(frozenset((one, other)) in _OPPOSITES for one in ours for other in theirs):
        return True
    numbers = [{word for word in words if word.isdigit()} for words in (ours, theirs)]
    return all(numbers)  # address_1 and address_2


def _telling(words: Sequence[str]) -> list[str]:
    """The words that tell a column from others, if there are some."""
    return [word for word in words if word not in _GENERAL] or list(words)


def _letters_needed(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Short words are alike by chance."""
    return 0.7 if min(len("".join(ours)), len("".join(theirs))) >= 5 else 0.8


def _shared_words(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """The share of words that both have, whole or shortened, of the words of the longer name, mostly."""
    left, shared = list(theirs), 0.0
    for word in ours:
        match = max(left, key=lambda other: _same_word(word, other), default=None)
        if match is not None and _same_word(word, match):
            shared += _same_word(word, match)
            left.remove(match)
    fewer, more = sorted((len(ours), len(theirs)))
    joined = _abbreviates("".join(ours), "".join(theirs)) or _abbreviates("".join(theirs), "".join(ours))
    return max(0.6 * shared / fewer + 0.4 * shared / more, 0.7 if joined else 0.0)


def _same_word(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if _abbreviates(one, other) or _abbreviates(other, one):
        return 0.85
    ratio = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return ratio if min(len(one), len(other)) >= 4 and ratio >= 0.75 else 0.0


def _abbreviates(short: str, long: str) -> bool:
    """Whether a word is a usual abbreviation of another: `qty`, `cust`, `veh`."""
    if not 2 <= len(short) < len(long) or short[0] != long[0]:
        return False
    if long.startswith(short):
        return len(short) >= 3
    letters = iter(long)
    is_within = all(letter in letters for letter in short)
    return is_within and len(short) >= 3 and short[-1] in long[-3:] and len(short) * 4 >= len(long)


# -- values ----------------------------------------------------------------------------------------------------------


def _value_similarity(old: FieldProfile | None, new: FieldProfile | None) -> tuple[float | None, str]:
    """How alike two columns' values are, from 0 to 1, and why; None if nothing is known about one of them."""
    if old is None or new is None or not old.filled or not new.filled:
        return None, ""
    if abs(old.share_filled - new.share_filled) > 0.5:
        return 0.0, ""
    if old.kind is not new.kind:
        return 0.0, ""
    match old.kind:
        case ValueKind.NUMBER:
            return _numbers_alike(old, new)
        case ValueKind.DATE:
            return _dates_alike(old, new)
        case _:
            return _texts_alike(old, new)


def _numbers_alike(old: FieldProfile, new: FieldProfile) -> tuple[float, str]:
    if _has_decimals(old) is not _has_decimals(new):
        return 0.0, ""
    spread = max(old.points[-3] - old.points[2], new.points[-3] - new.points[2])
    pairs = list(zip(old.points, new.points, strict=True))[2:-2]
    distance = sum(abs(one - other) for one, other in pairs) / len(pairs)
    alike = max(0.0, 1 - (distance / spread if spread else float(distance > 0)) / _FAR_POINTS * (1 - _ALIKE))
    if _are_few(old, new):
        alike = min(alike, old.shared_values(new) or 0.0)
    return alike, "the numbers are spread alike"


def _has_decimals(profile: FieldProfile) -> bool:
    return any("." in value for value in profile.values)


def _are_few(old: FieldProfile, new: FieldProfile) -> bool:
    """Whether few values are repeated: of a short file, all columns have few."""
    return any(each.distinct < _FEW_VALUES and each.distinct < _ALL_DISTINCT * each.filled for each in (old, new))


def _dates_alike(old: FieldProfile, new: FieldProfile) -> tuple[float, str]:
    """Days go on from file to file: only how far apart they are, and how much, is compared."""
    spreads = [each.points[-1] - each.points[0] for each in (old, new)]
    apart = abs((old.median or 0.0) - (new.median or 0.0))
    is_alike = apart <= 2 * max(spreads) + 62 and min(spreads) * 8 >= max(spreads) - 31
    return (_SHARED_DATES if is_alike else 0.0), "the days are near"


_SHARED_DATES = 0.6


def _are_few_texts(old: FieldProfile | None, new: FieldProfile | None) -> bool:
    """Whether texts such as yes and no are alike by chance."""
    return any(each is not None and each.kind is ValueKind.TEXT and each.distinct < _FEW_TEXTS for each in (old, new))


_FEW_TEXTS = 3


def _texts_alike(old: FieldProfile, new: FieldProfile) -> tuple[float, str]:
    shared = old.shared_values(new) or 0.0
    if shared >= SHARED_VALUES and max(old.distinct, new.distinct) <= 4 * min(old.distinct, new.distinct):
        return shared, f"{shared:.0%} of the distinct values are shared"
    if all(each.distinct >= _ALL_DISTINCT * each.filled for each in (old, new)):
        alike = _shapes_alike(old, new)
        return alike, "the values are written alike"
    return 0.0, ""


def _shapes_alike(old: FieldProfile, new: FieldProfile) -> float:
    """The share of values that are written alike, letters for letters and digits for digits."""
    ours, theirs = (_shapes(each.values) for each in (old, new))
    return sum(min(count / ours.total(), theirs[shape] / theirs.total()) for shape, count in ours.items())


_DIGITS, _LETTERS = re.compile("[0-9]+"), re.compile(r"[^\W\d_]+")


def _shapes(values: Iterable[str]) -> Counter[str]:
    """How values are written: a run of digits is 9, a run of letters is itself if short, as in `V-017`, and else a."""
    return Counter(_DIGITS.sub("9", _LETTERS.sub(_short_letters, value)) for value in values)


def _short_letters(match: re.Match[str]) -> str:
    return match[0] if len(match[0]) <= _SHORT_LETTERS else "a"


_SHORT_LETTERS = 3
