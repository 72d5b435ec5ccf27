"""Finds rows of a CSV file that repeat its header, as files joined together have them. Such a row is no record."""

from collections.abc import Mapping, Sequence

from logistics_pipeline.loading.formats.column_names import spelling_key, usual_spellings
from logistics_pipeline.loading.formats.csv_rows import RowReader, beginning
from logistics_pipeline.loading.layouts import CsvLayout

HEADER_REPEATED = "the row repeats the header"


class RepeatedHeader:
    """Compares rows with a header, in any spelling. Few rows cost more than a look at their first named column."""

    def __init__(self, layout: CsvLayout) -> None:
        self._keys = [spelling_key(name) for name in layout.header]
        titles = _title_rows(layout)
        self._title_keys = [[spelling_key(title) for title in row] for row in titles]
        """Of the header as it is written, a list for each of its rows."""
        self._column = next((name for name in layout.header if name.strip()), "")
        self._suspects = self._suspicious_values(layout, titles)

    def _suspicious_values(self, layout: CsvLayout, titles: Sequence[Sequence[str]]) -> frozenset[str]:
        """What a header may have in the first named column: any column's name, as it is usually written."""
        written = layout.header_text.decode("utf-8", "replace").split(layout.delimiter)
        names = (
            {name.strip('"\r\n') for name in written} | set(layout.header) | {cell for row in titles for cell in row}
        )
        return frozenset(names | {name.upper() for name in names} | set(usual_spellings(self._column))) - {""}

    def find_suspects(self, columns: Mapping[str, Sequence[object]]) -> list[int]:
        """Returns the indexes of rows that may be a header."""
        column = columns.get(self._column, ())
        if self._suspects.isdisjoint(column):
            return []
        return [index for index, value in enumerate(column) if value in self._suspects]

    def is_repeated(self, cells: Sequence[str]) -> bool:
        """Whether a row holds the names of the columns, or is one of the header's rows as it is written."""
        if all(not key or spelling_key(cell) == key for key, cell in zip(self._keys, cells, strict=True)):
            return any(self._keys)
        return list(map(spelling_key, cells)) in self._title_keys

    def is_reordered(self, cells: Sequence[str]) -> bool:
        """Whether a row holds the names of all columns in another order: then the rows after it have that order."""
        if self.is_repeated(cells):
            return False
        keys = sorted(map(spelling_key, cells))
        titles = self._title_keys if len(self._title_keys) == 1 else []
        return any(keys == sorted(each) for each in (self._keys, *titles))


def _title_rows(layout: CsvLayout) -> list[list[str]]:
    """The cells of the header's rows, as far as these are as wide as the table and name more than one column."""
    reader, text, place = RowReader(layout.syntax), layout.header_text, 0
    rows = []
    while place < len(text) and (parsed := reader.parse(text, place, len(layout.header), is_whole=True)) is not None:
        place = parsed.end
        cells = [beginning(cell) for cell in parsed.cells]
        if parsed.fields == len(layout.header) and (sum(map(bool, cells)) > 1 or len(cells) == 1):
            rows.append(cells)
    return rows
