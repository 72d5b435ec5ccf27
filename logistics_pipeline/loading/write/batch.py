"""The chunks of one transaction. They are drawn from the parser while first written, and kept to be written again."""

from collections.abc import Iterator, Sequence

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.parse.chunks import Chunk

_MANY_ROWS = 100


class Batch:
    """Chunks up to the batch limits, or up to the end of the file."""

    def __init__(self, first: Chunk, rest: Iterator[Chunk], before: Checkpoint, limits: BatchLimits) -> None:
        self.first = _without_records(first)
        self._chunks = [first]
        self.records = first.records
        """Those that it decides about."""
        self._rest = rest
        self._limits = limits
        self.before = before

    def chunks(self) -> Iterator[Chunk]:
        """Yields the chunks drawn before, then further ones until the batch is full."""
        yield from self._chunks
        while not self._is_full and (chunk := next(self._rest, None)) is not None:
            self._chunks.append(_without_records(chunk))
            self.records += chunk.records
            yield chunk

    @property
    def is_large(self) -> bool:
        """Whether writing it twice would take longer than a look into the table."""
        return self.first.rows >= _MANY_ROWS

    @property
    def checkpoint(self) -> Checkpoint:
        """The position after its last record."""
        return self._chunks[-1].checkpoint

    @property
    def error(self) -> FileError | None:
        """Why the file cannot be read after this batch, if it cannot: the batch itself is good."""
        return self._chunks[-1].error

    @property
    def damage(self) -> FileError | None:
        """Why the file cannot be read to its end, if that is known already."""
        return next((chunk.damage for chunk in self._chunks if chunk.damage is not None), None)

    def held_after(self, held: Sequence[int]) -> list[int]:
        """The numbers of the records that are held back after it, if `held` were before."""
        numbers = list(held)
        for chunk in self._chunks:
            numbers = [*([] if chunk.releases_held else numbers), *chunk.held_numbers]
        return numbers

    @property
    def rejected(self) -> int:
        return sum(chunk.written_rejects.count for chunk in self._chunks)

    @property
    def _is_full(self) -> bool:
        return (
            self.error is not None
            or self.records >= self._limits.records
            or self.checkpoint.offset - self.before.offset >= self._limits.bytes
        )


def _without_records(chunk: Chunk) -> Chunk:
    """The chunk without what nobody needs any more: many objects, which Python would visit again and again."""
    chunk.rejects, chunk.held, chunk.dates = [], [], []
    return chunk
