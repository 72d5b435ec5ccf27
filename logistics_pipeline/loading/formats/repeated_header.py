"""Finds rows of a CSV file that repeat its header, as files joined together have them. Such a row is no record."""

from collections.abc import Mapping, Sequence

from logistics_pipeline.loading.formats.column_names import spelling_key, usual_spellings
from logistics_pipeline.loading.layouts import CsvLayout

HEADER_REPEATED = "the row repeats the header"


class RepeatedHeader:
    """Compares rows with a header, in any spelling. Few rows cost more than a look at their first named column."""

    def __init__(self, layout: CsvLayout) -> None:
        self._keys = [spelling_key(name) for name in layout.header]
        self._column = next((name for name in layout.header if name.strip()), "")
        self._suspects = self._suspicious_values(layout)

    def _suspicious_values(self, layout: CsvLayout) -> frozenset[str]:
        """What a header may have in the first named column: any column's name, as it is usually written."""
        written = layout.header_text.decode("utf-8", "replace").split(layout.delimiter)
        names = {name.strip('"\r\n') for name in written} | set(layout.header)
        return frozenset(names | {name.upper() for name in names} | set(usual_spellings(self._column))) - {""}

    def find_suspects(self, columns: Mapping[str, Sequence[object]]) -> list[int]:
        """Returns the indexes of rows that may be a header."""
        column = columns.get(self._column, ())
        if self._suspects.isdisjoint(column):
            return []
        return [index for index, value in enumerate(column) if value in self._suspects]

    def is_repeated(self, cells: Sequence[str]) -> bool:
        """Whether a row holds the names of the columns."""
        return all(not key or spelling_key(cell) == key for key, cell in zip(self._keys, cells, strict=True))

    def is_reordered(self, cells: Sequence[str]) -> bool:
        """Whether a row holds the names of all columns in another order: then the rows after it have that order."""
        return not self.is_repeated(cells) and sorted(map(spelling_key, cells)) == sorted(self._keys)
