"""Vega as one ES module, extracted from the wheel of vl-convert: the only third-party code the dashboard runs.

Making it takes seconds of CPU and 150 MB, so it is done in a process of its own that ends (`python -m
logistics_api.dashboard.vega_bundle`), once per version: the result is kept in the cache folder or, where that cannot be
written, in memory. `files` serves it.
"""

import contextlib
import logging
import os
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import brotli

SNIPPET = "export { vegaEmbed };"
HINT = "//# allFunctionsCalledOnLoad\n"
"""Has V8 compile the functions beside the main thread: one by one while the first chart is drawn, they take as long as
the drawing. Other browsers see a comment."""
ENCODINGS = ("identity", "br", "gzip")
_HEADER = struct.Struct(f">{len(ENCODINGS)}Q")
SECONDS = 120
"""Longest time for building; it takes 5 seconds on an idle machine."""

logger = logging.getLogger(__name__)


class BundleError(Exception):
    """Vega could not be built; the message holds the output of the process."""


class VegaBundle:
    """The module in every encoding, built or read on first use."""

    def __init__(self, cache_dir: Path) -> None:
        self.version = f"{version('vl-convert-python')}-2"
        """Changes whenever the bytes do: the number behind the dash belongs to `HINT` and `SNIPPET`."""
        self._file = cache_dir / f"vega-{self.version}.bundle"
        self._lock = threading.Lock()
        self._bodies: dict[str, bytes] | None = None

    def bodies(self) -> dict[str, bytes]:
        """Encoding → the module in it. Blocks for seconds the first time: call it in a thread.

        Raises:
            BundleError: it could not be made.
        """
        with self._lock:
            if self._bodies is None:
                self._bodies = self._read_cached() or self._made()
            return self._bodies

    def _read_cached(self) -> dict[str, bytes] | None:
        try:
            return unpack(self._file.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            logger.warning("%s cannot be read (%s): Vega is built again", self._file, error.strerror)
            return None

    def _made(self) -> dict[str, bytes]:
        try:
            done = subprocess.run(
                [sys.executable, "-m", __name__],
                capture_output=True,
                check=True,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.CalledProcessError as error:
            raise BundleError(f"Vega could not be extracted from vl-convert: {error.stderr.decode()[-500:]}") from error
        except (subprocess.TimeoutExpired, OSError) as error:
            raise BundleError(f"Vega could not be extracted from vl-convert: {error}") from error
        bodies = unpack(done.stdout)
        self._keep(done.stdout)
        return bodies

    def _keep(self, packed: bytes) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._file.parent, prefix=".vega-", delete=False) as new:
                new.write(packed)
            Path(new.name).replace(self._file)
            for old in self._file.parent.glob("vega-*.bundle"):
                if old != self._file:
                    old.unlink(missing_ok=True)
        except OSError as error:
            logger.info("%s cannot be written (%s): Vega is built again after a restart", self._file, error.strerror)


def pack(bodies: dict[str, bytes]) -> bytes:
    """All encodings in one piece: their lengths, then the bytes."""
    ordered = [bodies[encoding] for encoding in ENCODINGS]
    return _HEADER.pack(*map(len, ordered)) + b"".join(ordered)


def unpack(packed: bytes) -> dict[str, bytes]:
    """The opposite of `pack`.

    Raises:
        ValueError: it is damaged or cut off.
    """
    if len(packed) < _HEADER.size:
        raise ValueError("no header")
    lengths = _HEADER.unpack_from(packed)
    if len(packed) != _HEADER.size + sum(lengths) or not lengths[0]:
        raise ValueError("the lengths do not fit")
    bodies, place = {}, _HEADER.size
    for encoding, length in zip(ENCODINGS, lengths, strict=True):
        bodies[encoding] = packed[place : place + length]
        place += length
    return bodies


def compress(body: bytes, *, quality: int = 11) -> dict[str, bytes]:
    """A body in every encoding. zstd is left out: whoever reads it reads brotli too, and brotli is smaller here."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    gzip = squeezer.compress(body) + squeezer.flush()
    return {"identity": body, "br": brotli.compress(body, quality=quality, mode=brotli.MODE_TEXT), "gzip": gzip}


def write(output: BinaryIO) -> None:
    """Makes the module and writes it packed. Runs in a separate process."""
    import vl_convert  # 80 MB: never in the server

    with contextlib.suppress(OSError):
        os.nice(10)  # requests for figures have priority
    output.write(pack(compress((HINT + vl_convert.javascript_bundle(SNIPPET)).encode())))


if __name__ == "__main__":
    write(sys.stdout.buffer)
