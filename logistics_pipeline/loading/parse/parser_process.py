"""Opens a stream of chunks, parsed in a process of its own if the file is large: parsing and COPY then run in parallel.

The child process says that it has started, receives its `ReadTask` on standard input, sends chunks through a pipe, and
imports no more than the parsers need: no database driver, no settings. It exits when the pipe is closed. Runs as
`python -m logistics_pipeline.loading.parse.parser_process`. Until it has started, the first chunks are parsed here: the
child continues after them as a resumed load would. A smaller file gets a process of its own once many of its records
are bad: then parsing is what takes long.
"""

import fcntl
import gc
import pickle
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from io import FileIO
from typing import IO, Any

from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.content_hash import note_hash, noted_hash
from logistics_pipeline.loading.parse.chunks import Chunk, EndOfFile
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks

_STARTED = "started"

PIPE_BYTES = 1 << 20
"""Size of the pipe: the child keeps parsing while the parent commits."""


MANY_BAD_SHARE = 8
"""If more than one in this many records is bad, these are many."""
_LEAST_RECORDS = 1000
"""From which is told that many are bad."""


@contextmanager
def open_chunks(
    task: ReadTask, *, in_own_process: bool, meanwhile: bool = True, if_dirty_before: int = 0
) -> Iterator[Iterator[Chunk]]:
    """Yields the chunks of a file as `read_chunks` does, parsed here or in a process of its own.

    With `meanwhile`, they are parsed here until that process has started. A file that is parsed here gets such a
    process after all if many of its records turn out bad before an offset, `if_dirty_before`.

    Raises:
        TransientError: that process was killed.
    """
    if in_own_process:
        with read_chunks_in_own_process(task, meanwhile=meanwhile) as chunks:
            yield chunks
    else:
        with closing(_read_until_dirty(task, if_dirty_before)) as chunks:
            yield chunks


def _read_until_dirty(task: ReadTask, before: int) -> Generator[Chunk, None, None]:
    records = rejects = 0

    def is_dirty(chunk: Chunk) -> bool:
        nonlocal records, rejects
        records, rejects = records + chunk.records, rejects + chunk.written_rejects.count
        is_early = chunk.checkpoint.offset < before
        return is_early and records >= _LEAST_RECORDS and rejects * MANY_BAD_SHARE > records

    rest = yield from _read_until(task, is_dirty)
    if rest is not None:
        with read_chunks_in_own_process(rest, meanwhile=True) as chunks:
            yield from chunks


@contextmanager
def read_chunks_in_own_process(task: ReadTask, *, meanwhile: bool = False) -> Iterator[Iterator[Chunk]]:
    """Yields the chunks of a file as `read_chunks` does, parsed by a process that ends with the context.

    With `meanwhile`, they are parsed here until that process has started.

    Raises:
        TransientError: the process was killed.
    """
    command = [sys.executable, "-P", "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        _widen(process.stdout)
        try:
            yield _read(task, process, process.stdin, process.stdout, meanwhile=meanwhile)
        finally:
            process.kill()  # it holds nothing that could be lost


def _widen(pipe: IO[bytes]) -> None:
    with suppress(OSError, AttributeError):  # not Linux, or the user's limit is reached: the default size works too
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _read(
    task: ReadTask, process: subprocess.Popen[bytes], stdin: IO[bytes], stdout: IO[bytes], *, meanwhile: bool
) -> Iterator[Chunk]:
    if meanwhile:
        rest = yield from _read_until(task, lambda _: _has_message(stdout))
        if rest is None:
            return
        task = rest
    with suppress(BrokenPipeError), stdin:  # that the child is gone shows when its chunks are read
        pickle.dump(task, stdin)
    _receive_one(process, stdout)  # that it has started
    end = yield from _receive(process, stdout)
    if end.content_hash is not None:
        note_hash(task.path, end.content_hash)


def _read_until(task: ReadTask, is_enough: Callable[[Chunk], bool]) -> Generator[Chunk, None, ReadTask | None]:
    """Yields chunks parsed here; returns the task to read those after them, None if there are no more."""
    for chunk in read_chunks(task):
        task = replace(
            task,
            after=chunk.checkpoint,
            codec=chunk.codec,
            formats=task.formats if chunk.formats is None else chunk.formats,
            widened=chunk.widened or task.widened,
            held=() if chunk.releases_held else task.held,
        )
        is_last = chunk.error is not None
        yield chunk
        if is_last:
            return None
        if is_enough(chunk):
            return task
    return None


def _has_message(pipe: IO[bytes]) -> bool:
    """Whether something can be read without waiting: a message, or that the child is gone."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(0))


def _receive(process: subprocess.Popen[bytes], pipe: IO[bytes]) -> Generator[Chunk, None, EndOfFile]:
    # Read straight from the pipe, so that a large record is in memory only once.
    while not isinstance(message := _receive_one(process, pipe), EndOfFile):
        if isinstance(message, BaseException):
            raise message
        yield message
        del message
    return message


def _receive_one(process: subprocess.Popen[bytes], pipe: IO[bytes]) -> Any:
    try:
        message = pickle.load(pipe)
    except (EOFError, pickle.UnpicklingError) as error:
        message_text = f"The process that parses the file ended early ({_describe_exit(process)})"
        raise TransientError(message_text) from error
    return message


def _describe_exit(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _main() -> None:
    gc.disable()  # thousands of short-lived records, none of them in a cycle
    with (
        suppress(BrokenPipeError, KeyboardInterrupt),
        open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as stdout,
    ):
        out = _Pipe(stdout)
        out.send(_STARTED)
        task = pickle.load(sys.stdin.buffer)
        try:
            for chunk in read_chunks(task):
                out.send(chunk)
                del chunk
            out.send(EndOfFile(noted_hash(task.path)))
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the parent must raise it
            out.send(error)


class _Pipe:
    """The pipe to the parent. Large records are written to it as they are, without a copy."""

    def __init__(self, raw: FileIO) -> None:
        self._raw = raw

    def send(self, message: Chunk | Exception | str | EndOfFile) -> None:
        pickle.dump(message, self, protocol=5)

    def write(self, data: bytes) -> int:
        """Writes all of the data, which the file itself does not promise."""
        view = memoryview(data)
        while view:
            view = view[self._raw.write(view) :]
        return len(data)


if __name__ == "__main__":
    _main()
