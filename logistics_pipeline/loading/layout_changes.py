"""What the layout of a CSV file has that the file before it had not: said in its notes, as nobody would see it else.

All of it is read by rule: columns are found by their names, the delimiter by the header.
"""

from collections.abc import Iterator

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.layouts import CsvLayout, Layout

_MOST_NAMES = 10


def layout_changes(layout: Layout, before: Layout | None, dataset: Dataset) -> Iterator[str]:
    """A sentence for each change since the file of the dataset that was loaded before."""
    if not isinstance(layout, CsvLayout) or not isinstance(before, CsvLayout):
        return
    if layout.delimiter != before.delimiter:
        yield f"The file is {layout.name}, the one before was {before.name}."
    fields = set(dataset.columns)
    now, then = ([name for name in each.header if name in fields] for each in (layout, before))
    common = set(now) & set(then)
    if [name for name in now if name in common] != [name for name in then if name in common]:
        yield "The columns are in another order than in the file before: they are found by their names."
    gone = [excerpt(name) for name in then if name not in common]
    if gone:
        more = f" and {len(gone) - _MOST_NAMES:,} more" if len(gone) > _MOST_NAMES else ""
        yield f"The file has no column {', '.join(gone[:_MOST_NAMES])}{more}; the one before had: they are empty now."
