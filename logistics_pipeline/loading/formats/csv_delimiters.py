"""What separates the fields of a CSV file.

The header's names are known, so nearly always it tells by itself: one delimiter yields most of the dataset's fields.
Where it leaves that open (a single column, unknown names), the consistency of the first rows decides, which is for a
library to measure.
"""

import csv

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.layouts import DELIMITERS

_SAMPLE_BYTES = 2048
"""As good as more on real files, and what was made to keep the library busy takes it half a second, not minutes."""


def find_delimiter(line: str, head: bytes, dataset: Dataset) -> str:
    """Tells the delimiter from the header `line` and, if that does not do, from the `head` of the file."""
    known = {delimiter: _known_fields(line, delimiter, dataset) for delimiter in DELIMITERS}
    likely = [delimiter for delimiter in DELIMITERS if known[delimiter] == max(known.values())]
    return likely[0] if len(likely) == 1 else _measure(head, likely) or likely[0]


def split_header(line: str, delimiter: str) -> tuple[str, ...]:
    """The names in a header."""
    return tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter), []))


def _known_fields(line: str, delimiter: str, dataset: Dataset) -> int:
    return len(set(split_header(line, delimiter)) & set(dataset.columns))


def _measure(head: bytes, likely: list[str]) -> str | None:
    """The delimiter that makes the most regular table; none if there is but one column."""
    import clevercsv  # only few files need it: 14 MiB, and half a second to import

    sample = "\n".join(head[:_SAMPLE_BYTES].decode("utf-8", "replace").replace("\0", " ").splitlines())
    try:
        dialect = clevercsv.Detector().detect(sample, delimiters=likely)
    except clevercsv.Error:
        return None
    return dialect.delimiter if dialect is not None else None
