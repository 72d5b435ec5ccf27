"""Text read from a source ahead of its use: readers find a place to cut before they consume anything."""

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source


class Lookahead:
    """Text not consumed yet. Memory: what `fill` is asked for, and one block."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.text = b""
        self.offset = source.position
        """Of the first byte of `text`."""
        self.is_at_end = False
        """Nothing follows `text`."""
        self.damage: FileError | None = None
        """Why nothing follows, if the file is damaged there. The text before the damage is still good."""

    def fill(self, wanted_bytes: int) -> None:
        """Reads until `text` holds at least `wanted_bytes` or the source ends."""
        parts, missing = [self.text], wanted_bytes - len(self.text)
        while missing > 0 and not self.is_at_end:
            block = self._read()
            self.is_at_end = not block
            parts.append(block)
            missing -= len(block)
        self.text = b"".join(parts) if len(parts) > 1 else self.text

    def consume(self, size: int) -> None:
        """Drops the first `size` bytes of `text`."""
        self.text = self.text[size:]
        self.offset += size

    def _read(self) -> bytes:
        try:
            return self._source.read()
        except FileError as error:
            self.damage = error
            return b""
