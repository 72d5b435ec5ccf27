"""Where the header of a CSV file is, whether there is one, and what stands above and below the table.

The header is the first row as wide as the table whose cells are texts, unlike the rows below it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from logistics_pipeline.inference.column_reading import looks_typed
from logistics_pipeline.inference.column_types import Doubt
from logistics_pipeline.inference.missing_words import is_missing
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.header_titles import join_titles

_MOST_HEADER_ROWS = 3
_LONGEST_TITLE = 120
"""A longer text can be the title of a column, as in surveys, but nothing but numbers or dates below it shows this."""
_FIRST_WITHOUT_NAME = "The header has one name less than the rows have cells: the first column has no name."
_MOST_CELLS = 20
"""Of a column that are looked at."""
_PERIOD = re.compile(r"(?:1[89]|20)[0-9]{2}(?:-(?:[0-9]{2}|Q[1-4])(?:-[0-9]{2})?)?")
_NAME = re.compile(r"[^\W\d][\w .,/()%#&:€$£°'\"\[\]+*?-]*|#")
_NAME_WORDS = frozenset(
    re.findall(
        "[a-z_]+",
        "id name code date time year month day type status number no value amount price country city region "
        "description title category class group key key_id count total unit url email address phone datum "
        "jahr art wert nombre fecha symbol currency source latitude longitude lat lon lng from to start end "
        "company sector state",
    )
)


@dataclass(frozen=True)
class Header:
    """The titles of the columns, and which rows they are in."""

    titles: tuple[str, ...]
    first: int
    """Index of the first row of the header, or of the table if it has none."""
    rows: int
    """Rows of the header; 0 if there is none."""
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    above: tuple[tuple[str, ...], ...] = field(default=())
    """Rows above it."""
    is_narrow: bool = False
    """It has one name less than the table has columns."""

    @property
    def width(self) -> int:
        """Columns of the table."""
        return len(self.titles)


def find_header(rows: Sequence[Sequence[str]]) -> Header:
    """Finds the header among the first rows of a file. There is at least one row that is not empty."""
    width = _width(rows)
    first = _first_row(rows, width)
    above = tuple(tuple(row) for row in rows[:first] if any(cell.strip() for cell in row))
    notes = (_above_note(above),) if above else ()
    top = [cell.strip() for cell in rows[first]]
    is_narrow = len(top) == width - 1
    body = [row for row in rows[first + 1 :] if len(row) == width and not _repeats(row, top)]
    if not is_narrow and not body:
        return Header(tuple(top), first, 1, notes, above=above)
    columns = [[row[index].strip() for row in body] for index in range(width)]
    doubts = list(_wider_doubt(above, width))
    if is_narrow:
        top, *found = _named(top, columns)
        doubts += found
        notes = notes if top[-1] == "" else (*notes, _FIRST_WITHOUT_NAME)
    extra = _more_header_rows(top, body, columns) if not is_narrow else 0
    are_names = is_narrow or (extra and not any(map(looks_typed, filter(None, top))))
    kind = "header" if are_names else _kind_of_row(top, columns)
    if kind == "row":
        titles = tuple("" for _ in top)
        notes = (*notes, "The file has no header: columns are named by position.")
        return Header(titles, first, 0, notes, tuple(doubts), above)
    if kind == "unclear":
        doubts.append(_header_doubt(top))
    if extra:
        top = join_titles([top, *body[:extra]])
        notes = (*notes, f"{extra + 1} header rows were joined.")
    return Header(tuple(top), first, 1 + extra, notes, tuple(doubts), above, is_narrow)


def _repeats(row: Sequence[str], top: Sequence[str]) -> bool:
    """Whether a row is the header once more, as where files were joined."""
    return row[0].strip() == top[0] and [cell.strip() for cell in row] == top


def _named(top: Sequence[str], columns: Sequence[Sequence[str]]) -> tuple[list[str], *tuple[Doubt, ...]]:
    """The titles where there is one name less than columns: empty for the column without one.

    Rows end with a delimiter, or the first column has what R and pandas write there: the names or numbers of rows.
    Whether any other first column has no name, or the last one, is a question.
    """
    if not any(columns[-1]):
        return [*top, ""], *()
    first = columns[0]
    if _are_row_names(first):
        return ["", *top], *()
    text = (
        f"The header has {len(top):,} names and the rows have {len(columns):,} cells: is it the first column that has "
        f"no name (`{excerpt(first[0], 40)}`, …) or the last (`{excerpt(columns[-1][0], 40)}`, …)?"
    )
    return ["", *top], Doubt("unnamed_column", text, len(first), ("the first", "the last"))


def _are_row_names(cells: Sequence[str]) -> bool:
    if len(set(cells)) < len(cells) or not all(cells):
        return False
    if all(map(str.isdecimal, cells)):
        numbers = list(map(int, cells))
        return numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return not any(map(looks_typed, cells))


def _wider_doubt(above: Sequence[Sequence[str]], width: int) -> Iterator[Doubt]:
    """Asks about a row of names that is passed over as no row of the table is as wide."""
    wider = next((row for row in above if len(row) > width > 1 and all(cell.strip() for cell in row)), None)
    if wider is not None and not any(map(looks_typed, wider)):
        text = (
            f"A row above the table has {len(wider):,} cells, `{excerpt(', '.join(wider), 80)}`, and the rows of the "
            f"table have {width:,}: is it the header?"
        )
        yield Doubt("wide_header", text, 1, ("pass over", "header"))


def _width(rows: Sequence[Sequence[str]]) -> int:
    """The width of most rows; of those that are equally frequent, the larger."""
    widths = Counter(len(row) for row in rows if any(map(str.strip, row)))
    return max(widths.items(), key=lambda pair: (pair[1], pair[0]))[0]


def _first_row(rows: Sequence[Sequence[str]], width: int) -> int:
    """The first row of the table: as wide as most, and not a title in a single cell."""
    for index, row in enumerate(rows):
        filled = sum(bool(cell.strip()) for cell in row)
        if len(row) == width and (filled >= 2 or width == 1 or (width == 2 and filled)):
            return index
        follows = rows[index + 1] if index + 1 < len(rows) else ()
        if len(row) == width - 1 >= 2 and filled == len(row) and len(follows) == width and not index:
            return index
    return next(index for index, row in enumerate(rows) if len(row) == width and any(row))


def _kind_of_row(top: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    """Whether the first row is a `header`, a `row` like the others, or `unclear`."""
    named = [cell for cell in top if cell]
    if not named:
        return "row"
    typed = [index for index, cell in enumerate(top) if cell and looks_typed(cell)]
    if typed and not _are_periods(top, typed, columns):
        return "row"
    if any(cell and not is_missing(cell) and _is_typed(column) for cell, column in zip(top, columns, strict=True)):
        return "header"
    if all(cell in column for cell, column in zip(top, columns, strict=True) if cell):
        return "row"
    is_plain = len(set(named)) == len(named) and max(map(len, named)) <= _LONGEST_TITLE
    return "header" if is_plain and _is_unlike(top, columns) else "unclear"


def _are_periods(top: Sequence[str], typed: Sequence[int], columns: Sequence[Sequence[str]]) -> bool:
    """Whether the typed cells are years, months or days as titles, as wide tables have them, and none below is one."""
    periods = [top[index] for index in typed]
    if len(typed) == len(top) or len(set(periods)) < len(periods) or not all(map(_PERIOD.fullmatch, periods)):
        return False
    return len(periods) > 1 and not any(_PERIOD.fullmatch(cell) for index in typed for cell in columns[index][:3])


def _is_typed(column: Sequence[str], looks: Callable[[str], bool] = looks_typed) -> bool:
    cells = list(islice((cell for cell in column if cell and not is_missing(cell)), _MOST_CELLS))
    return bool(cells) and all(map(looks, cells))


def _is_unlike(top: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether names differ from the texts below them: by words that name columns, by length, or by how they look."""
    for cell, column in zip(top, columns, strict=True):
        if not cell:
            continue
        words = set(re.split(r"[\W_]+", cell.casefold()))
        if words & _NAME_WORDS and all(map(_NAME.fullmatch, filter(None, top))):
            return True
        filled = [each for each in column if each]
        lengths = set(map(len, filled))
        if len(filled) >= 3 and len(lengths) == 1 and len(cell) not in lengths:
            return True
        if len(filled) >= 3 and {_look(each) for each in filled} == {"upper"} and _look(cell) != "upper":
            return True
        if (
            len(filled) >= 3
            and all(re.search(r"[0-9@]|://", each) for each in filled)
            and not re.search("[0-9@]", cell)
        ):
            return True
    return False


def _look(text: str) -> str:
    return "upper" if text.isupper() else "other"


def _header_doubt(top: Sequence[str]) -> Doubt:
    shown = excerpt(", ".join(top), 80)
    return Doubt("header", f"`{shown}`: is the first row a header or a record?", 1, ("header", "record"))


def _more_header_rows(top: Sequence[str], body: Sequence[Sequence[str]], columns: Sequence[Sequence[str]]) -> int:
    """How many rows below the header belong to it: texts where every other row has a number or a date."""
    if not body or all(not cell.strip() or looks_typed(cell.strip()) for cell in body[0]):
        return 0
    looks = cache(looks_typed)  # each round looks at nearly the same cells
    for extra in range(_MOST_HEADER_ROWS - 1, 0, -1):
        if len(body) < extra + 2:
            continue
        rest = [[cell for cell in column[extra:] if cell] for column in columns]
        typed = [index for index, column in enumerate(rest) if column and _is_typed(column, looks)]
        rows = [[row[index].strip() for index in typed] for row in body[:extra]]
        are_names = all(
            any(cells) and not any(cell and (looks(cell) or is_missing(cell)) for cell in cells) for cells in rows
        )
        if typed and len(typed) * 2 >= len(top) - 1 and are_names:
            return extra
    return 0


def _above_note(above: Sequence[Sequence[str]]) -> str:
    count = f"{len(above):,} {'line' if len(above) == 1 else 'lines'}"
    return (
        f"What stands above the header was passed over: {count}, beginning with `{excerpt(', '.join(above[0]), 60)}`."
    )
