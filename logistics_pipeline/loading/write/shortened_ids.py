"""Finds ids that a spreadsheet has shortened to a rounded number, such as 1.23457E+12: different ids became equal.

They are stored as delivered, since nothing tells what they were. The ledger counts them, and the file gets a warning.
"""

import re
from collections.abc import Iterable

from logistics_core.catalogue import Dataset, FieldType
from logistics_pipeline import ledger

_SHORTENED = re.compile(rb"[1-9](?:[.,][0-9]+)?E\+[0-9]{2,3}")
_MARK = b"E+"


class ShortenedIds:
    """Finds the shortened values of a dataset's required texts: its key, and what refers to other records."""

    def __init__(self, dataset: Dataset) -> None:
        self._columns = [
            (index, field.name)
            for index, field in enumerate(dataset.fields)
            if field.type is FieldType.STRING and field.required
        ]

    def find(self, texts: Iterable[bytes]) -> dict[str, ledger.ShortenedId]:
        """Counts them by field in COPY texts of rows. Cheap where there are none: one search per text."""
        found = dict[str, ledger.ShortenedId]()
        for text in texts if self._columns else ():
            if _MARK[1:] in text and _MARK in text:  # looking for one byte is much faster
                for line in text.splitlines():
                    self._find_in_line(line, found)
        return found

    def _find_in_line(self, line: bytes, found: dict[str, ledger.ShortenedId]) -> None:
        if _MARK not in line:
            return
        values = line.split(b"\t")
        for index, name in self._columns:
            if _SHORTENED.fullmatch(values[index]):
                known = found.get(name)
                found[name] = ledger.ShortenedId(
                    known.values + 1 if known else 1, known.example if known else values[index].decode()
                )
