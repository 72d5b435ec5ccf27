"""Which field each column of a CSV file without a header is.

A contract that names columns by position (`column_3`, as proposals do) finds them there; otherwise the columns are the
fields, in their order.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.column_names import FieldNames
from logistics_pipeline.loading.formats.header_titles import position_name
from logistics_pipeline.loading.layouts import CsvSyntax, delimiter_name

_POSITION = re.compile(r"column_([1-9][0-9]{0,5})")


class PositionedColumns(NamedTuple):
    """The columns of a file, and how its rows are split."""

    syntax: CsvSyntax
    names: tuple[str, ...]
    notes: tuple[str, ...]


def columns_by_position(
    dataset: Dataset, fields: FieldNames, widths: Mapping[CsvSyntax, Sequence[int]]
) -> PositionedColumns:
    """Returns the columns of a file, given the widths of its first rows by each syntax that it may have.

    The first syntax is the contract's. Another counts if it alone makes rows as wide as the contract says.

    Raises:
        FileError: no syntax does.
    """
    usual = {syntax: Counter(found).most_common(1)[0][0] for syntax, found in widths.items() if found}
    expected = _last_position(dataset)
    fitting = [syntax for syntax, width in usual.items() if _fits(width, dataset, expected)]
    is_given = dataset.dialect.delimiter is not None
    if not fitting or (len(fitting) > 1 and not (is_given and fitting[0] == next(iter(usual)))):
        raise FileError(_describe(dataset, usual, expected))
    syntax = fitting[0]
    width = usual[syntax]
    if expected is None:
        return PositionedColumns(syntax, dataset.columns, ())
    names = fields.read([position_name(number) for number in range(1, width + 1)]).names
    return PositionedColumns(syntax, names, ())


def _last_position(dataset: Dataset) -> int | None:
    """The last column that the contract names by its position; None if it names none."""
    names = (name for field in dataset.fields for name in (field.name, *field.aliases))
    return max((int(found[1]) for name in names if (found := _POSITION.fullmatch(name))), default=None)


def _fits(width: int, dataset: Dataset, expected: int | None) -> bool:
    return width == len(dataset.fields) if expected is None else width >= expected


def _describe(dataset: Dataset, usual: Mapping[CsvSyntax, int], expected: int | None) -> str:
    found = ", ".join(f"{width} with {delimiter_name(syntax.delimiter)}" for syntax, width in usual.items())
    wanted = f"{len(dataset.fields)}" if expected is None else f"at least {expected}"
    return (
        f"The columns of a file without a header follow from their positions: the contract of {dataset.name} says "
        f"{wanted}, the rows have {found}. Deliver the file with these columns or with a header, or correct the "
        "contract (dialect.delimiter, dialect.header)"
    )
