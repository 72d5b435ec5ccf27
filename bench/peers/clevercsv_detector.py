"""CleverCSV: the dialect and whether there is a header, by the beginning of the text. It has no types."""

import io

import clevercsv
from clevercsv.encoding import get_encoding

_CHARACTERS = 20_000
"""Of a file: its time grows with the text, and on whole files it takes minutes."""


def propose_sample(path: str, delimiter: str) -> dict[str, object]:
    with open(path, encoding=get_encoding(path), newline="", errors="replace") as file:  # noqa: PTH123
        text = file.read(_CHARACTERS)
    dialect = clevercsv.Detector().detect(text)
    if dialect is None:
        raise ValueError("no dialect is found")
    first = next(clevercsv.reader(io.StringIO(text, newline=""), dialect), [])
    has_header = clevercsv.Sniffer().has_header(text)
    return {"delimiter": dialect.delimiter, "has_header": has_header, "columns": [[each, ""] for each in first]}
