"""Writes the values of rejected records so that they mean the same in a file of their own.

`1.234` may be 1234 only because another record of its file says `1.234,5`. That other record was loaded, so the file of
the rejects no longer proves it. Numbers and dates that a file's own values explain are therefore written as the
contract writes them; everything else, and every record without such values, stays as it arrived.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import StringIO
from typing import cast

from logistics_core.catalogue import Dataset
from logistics_core.reject_text import as_json
from logistics_pipeline.loading.contract.dates import InvalidDateError
from logistics_pipeline.loading.contract.file_formats import FileFormats
from logistics_pipeline.loading.contract.number_evidence import UnreadableNumberError
from logistics_pipeline.loading.formats.csv_rows import RowReader
from logistics_pipeline.loading.formats.large_records import decode_record
from logistics_pipeline.loading.layouts import CsvLayout, CsvSyntax, LargeObject, Layout

_MAX_DAYS = 10_000
"""Dates of a column that are remembered: few are read twice."""


class PlainValues:
    """Rewrites the records of one file."""

    def __init__(self, dataset: Dataset, layout: Layout, formats: FileFormats) -> None:
        self._layout = layout
        self._rows = RowReader(layout.syntax) if isinstance(layout, CsvLayout) else None
        # What a contract declares holds for any file.
        self._numbers = {name: each for name, each in (formats.numbers or {}).items() if not each.is_declared}
        dates = (formats.dates or {}).items()
        self._dates = {name: lru_cache(_MAX_DAYS)(each.read) for name, each in dates if each.order is not None}
        self._fields = [field for field in dataset.fields if field.name in self._numbers or field.name in self._dates]

    @property
    def changes_nothing(self) -> bool:
        """Whether every record stays as it arrived."""
        return not self._fields

    def rewrite(self, raw: bytes) -> bytes:
        """Returns a record with its values written plainly; the record itself if there is nothing to change."""
        if not self._fields:
            return raw
        if self._rows is not None:
            return self._rewrite_row(raw, self._rows)
        record = decode_record(raw)
        if not isinstance(record, dict) or isinstance(record, LargeObject):
            return raw
        changes = self._changes(record)
        return as_json(record | changes) if changes else raw

    def _rewrite_row(self, raw: bytes, rows: RowReader) -> bytes:
        layout = cast("CsvLayout", self._layout)
        row = rows.read(raw, 0, len(layout.header), is_whole=True)
        if row is None or not isinstance(row.value, list):
            return raw
        changes = self._changes(dict(zip(layout.header, row.value, strict=True)))
        if not changes:
            return raw
        cells = [changes.get(name, cell) for name, cell in zip(layout.header, row.value, strict=True)]
        return _as_row(cells, layout.syntax).encode("utf-8", "surrogateescape")

    def _changes(self, record: Mapping[str, object]) -> dict[str, str]:
        changes = {}
        for field in self._fields:
            value = record.get(field.name)
            if not isinstance(value, str) or value.strip() in field.missing_words:
                continue
            text = value.strip()
            try:
                if field.name in self._dates:
                    plain: str | None = self._dates[field.name](text).isoformat()
                else:
                    plain = self._numbers[field.name].read(text, field)
            except (InvalidDateError, UnreadableNumberError):
                continue
            if plain is not None and plain != text:
                changes[field.name] = plain
        return changes


def _as_row(cells: Sequence[object], syntax: CsvSyntax) -> str:
    """Writes cells as a row of a file's own syntax."""
    if syntax.escape is None:
        text = StringIO(newline="")
        csv.writer(text, delimiter=syntax.delimiter, quotechar=syntax.quote, lineterminator="").writerow(cells)
        return text.getvalue()
    escape, quote = syntax.escape, syntax.quote
    quoted = (str(cell).replace(escape, escape * 2).replace(quote, escape + quote) for cell in cells)
    return syntax.delimiter.join(f"{quote}{cell}{quote}" for cell in quoted)
