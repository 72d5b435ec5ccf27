"""A file at a place: a path on disk, or an object of a store (`files.remote_file`). What reads files takes either."""

import os
from typing import BinaryIO, Literal, Protocol


class StoredFile(Protocol):
    """A file that can be opened as often as needed, also in another process: it can be pickled. `Path` is one."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Opens it for reading, from its beginning; the stream can be positioned anywhere.

        Raises:
            OSError: it cannot be opened.
            PipelineError: the same for a file that is not on this machine; so may `read` of the stream.
        """


def stream_size(stream: BinaryIO) -> int:
    """The size in bytes of what an opened file holds; the stream is at its beginning afterwards."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size
