"""Writes lines to a file, batch by batch, whatever they hold."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.demo.file_formats import Layout
from logistics_pipeline.errors import ConfigurationError

BATCH_LINES = 8_192
"""Lines held in memory at a time: about 1 MB of text."""


def write_lines(
    path: Path, layout: Layout, lines: Iterator[str], revise: Callable[[list[str], int], None]
) -> Generator[int, None, None]:
    """Writes the lines to `path` and yields, after each batch, how many have been written so far.

    `revise` may change each batch in place; it gets the index (from 0) of the batch's first line. The file gets its
    name when the iterator is exhausted; if the iterator is closed earlier, nothing remains.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    with _explained(path), replacing(path) as file:
        written = 0
        while batch := list(islice(lines, BATCH_LINES)):
            revise(batch, written)
            text = (layout.separator if written else layout.opening) + layout.separator.join(batch)
            file.write(text.encode())
            written += len(batch)
            yield written
        file.write((layout.closing if written else layout.empty).encode())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"Cannot write the sample file {path}: {error.strerror or error}. Choose a folder that is writable."
        ) from error
