"""What was read from a source and not taken yet: readers look for a place to cut before they take anything."""

from logistics_pipeline.errors import FileError
from logistics_pipeline.sources.byte_stream import Source


class Ahead:
    """Memory: what `fill` was asked for, and one block."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.text = b""
        self.offset = source.position
        """Of the first byte of `text`."""
        self.is_at_end = False
        """There is nothing behind `text`."""
        self.damage: FileError | None = None
        """Why there is nothing, if that is not how the file ends. What lies before it is worth reading."""

    def fill(self, wanted_bytes: int) -> None:
        """Reads until `text` is so long, or the source ends."""
        parts, missing = [self.text], wanted_bytes - len(self.text)
        while missing > 0 and not self.is_at_end:
            block = self._read()
            self.is_at_end = not block
            parts.append(block)
            missing -= len(block)
        self.text = b"".join(parts) if len(parts) > 1 else self.text

    def take(self, size: int) -> None:
        """Is done with the first bytes of `text`."""
        self.text = self.text[size:]
        self.offset += size

    def _read(self) -> bytes:
        try:
            return self._source.read()
        except FileError as error:
            self.damage = error
            return b""
