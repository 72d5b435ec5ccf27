"""Finds the delimiter of a CSV file.

The dataset's field names are known, so the header nearly always decides: one delimiter splits it into more of them than
the others. Where several tie (a single column, unknown names), a library picks the one that makes the first rows most
regular.
"""

import csv

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.layouts import DELIMITERS

_SAMPLE_BYTES = 2048
"""On real files as good as a larger sample; on hostile ones the library takes half a second, not minutes."""


def find_delimiter(line: str, head: bytes, dataset: Dataset) -> str:
    """Returns the delimiter by the header `line` or, if that does not decide, by the `head` of the file."""
    known = {delimiter: _count_known_fields(line, delimiter, dataset) for delimiter in DELIMITERS}
    likely = [delimiter for delimiter in DELIMITERS if known[delimiter] == max(known.values())]
    return likely[0] if len(likely) == 1 else _most_regular(head, likely) or likely[0]


def split_header(line: str, delimiter: str) -> tuple[str, ...]:
    """Returns the names in a header."""
    return tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter), []))


def _count_known_fields(line: str, delimiter: str, dataset: Dataset) -> int:
    return len(set(split_header(line, delimiter)) & set(dataset.columns))


def _most_regular(head: bytes, likely: list[str]) -> str | None:
    """The delimiter that makes the most regular table; None if there is only one column."""
    import clevercsv  # few files need it: it takes 14 MiB and half a second to import

    sample = "\n".join(head[:_SAMPLE_BYTES].decode("utf-8", "replace").replace("\0", " ").splitlines())
    try:
        dialect = clevercsv.Detector().detect(sample, delimiters=likely)
    except clevercsv.Error:
        return None
    return dialect.delimiter if dialect is not None else None
