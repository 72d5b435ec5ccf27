"""What cutting text into pieces of whole records yields, and how a decoded piece becomes a chunk."""

from collections.abc import Callable, Collection, Mapping

from logistics_pipeline.loading.contract.columns import NULL, Column
from logistics_pipeline.loading.contract.number_columns import JsonNumbers, NumberTexts
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import Records
from logistics_pipeline.loading.parse.chunks import Chunk, RecordTaker, names_of_unreadable
from logistics_pipeline.loading.parse.piece_records import FindRecord, LazyValues
from logistics_pipeline.loading.parse.typed_json import TypedObjects

CutResult = tuple[list[Chunk], bool]
"""Chunks from the beginning of a text, and whether the fast parser can continue after them."""

Cut = Callable[[bytes, Checkpoint], CutResult]
"""Cuts a text that begins at a checkpoint."""


def make_chunk(
    maker: RecordTaker,
    objects: TypedObjects,
    before: int,
    end: int,
    find: FindRecord,
    others: Mapping[int, object],
) -> Chunk:
    """Makes a chunk of decoded objects: the first after `before` records, the last ending at offset `end`.

    `others` are the values, by index, of records that were not decoded as they are written: the reference decides about
    them.
    """
    records = Records(before, LazyValues(find, objects, others), end, find)
    columns, names = objects.columns(), objects.names
    if others:
        names = names.union(names_of_unreadable(others.values()))
        columns = [_without(column, others) for column in columns]
    return maker.from_columns(columns, records, names, objects.other_columns)


def _without(column: Column, indexes: Collection[int]) -> Column:
    """A column with nulls in place of some values: a record without a single one is never plain."""
    if isinstance(column, NumberTexts):
        texts = NumberTexts(column, column.irregular)
        for index in indexes:
            texts[index] = NULL
        return texts
    if isinstance(column, JsonNumbers):
        numbers = JsonNumbers(column)
        for index in indexes:
            numbers[index] = b"null"
        return numbers
    values = list(column)
    for index in indexes:
        values[index] = None
    return values
