"""What cutting text into pieces of whole records yields, and how a decoded piece becomes a chunk."""

from collections.abc import Callable

from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import Records
from logistics_pipeline.loading.parse.chunks import Chunk, RecordTaker
from logistics_pipeline.loading.parse.piece_records import FindRecord, LazyValues
from logistics_pipeline.loading.parse.typed_json import TypedObjects

CutResult = tuple[list[Chunk], bool]
"""Chunks from the beginning of a text, and whether the fast parser can continue after them."""

Cut = Callable[[bytes, Checkpoint], CutResult]
"""Cuts a text that begins at a checkpoint."""


def make_chunk(maker: RecordTaker, objects: TypedObjects, before: int, end: int, find: FindRecord) -> Chunk:
    """Makes a chunk of decoded objects: the first after `before` records, the last ending at offset `end`."""
    columns = objects.columns()
    records = Records(before, LazyValues(find, objects), end, find)
    return maker.from_columns(columns, records, objects.names)
