"""Vega as one ES module, and our charts compiled for it: both made by the wheel of vl-convert.

Vega-Lite, the larger half of what draws a chart, does not reach the browser: its specifications are compiled here. They
name the variables of the style sheet (`chart_theme.json`), for which `charts.js` puts colours.

Making them takes seconds of CPU and 150 MB, so it is done in a process of its own that ends (`python -m
logistics_api.dashboard.vega_bundle`), once per version: the result is kept in the cache folder or, where that cannot be
written, in memory. `files` serves it.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import zlib
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import brotli
import msgspec

from logistics_core.charts import list_charts, specification

PACKAGES = {
    "vega-dataflow": "6.1.0",
    "vega-encode": "5.1.0",
    "vega-interpreter": "2.0.0",
    "vega-parser": "7.1.0",
    "vega-transforms": "5.1.0",
    "vega-view": "6.1.0",
    "vega-view-transforms": "5.1.0",
    "vega-voronoi": "5.1.0",
}
"""Packages of Vega and their versions in the wheel that pyproject.toml asks for. The others (maps, forces, trees, word
clouds, regressions) are a third of Vega, and no chart of ours uses them."""
TRANSFORMS = ("vega-transforms", "vega-view-transforms", "vega-encode", "vega-voronoi")
EXPORTS = """
import { transforms } from "vega-dataflow";
import { expressionInterpreter } from "vega-interpreter";
import { parse } from "vega-parser";
import { View } from "vega-view";
export { View, expressionInterpreter, parse };
"""
HINT = "//# allFunctionsCalledOnLoad\n"
"""Has V8 compile the functions beside the main thread: one by one while the first chart is drawn, they take as long as
the drawing. Other browsers see a comment."""
THEME = Path(__file__).with_name("chart_theme.json")
SIZE = 300
"""Width and height in pixels that charts are compiled with; those on the page take the place of both."""
MODULE, CHARTS = "vega.js", "charts.json"
SECONDS = 120
"""Longest time for building; it takes 5 seconds on an idle machine."""

Bodies: TypeAlias = dict[str, bytes]
"""Encoding → a file in it."""

logger = logging.getLogger(__name__)


class BundleError(Exception):
    """Vega could not be built; the message holds the output of the process."""


class VegaBundle:
    """`MODULE` and `CHARTS` in every encoding, built or read on first use."""

    def __init__(self, cache_dir: Path) -> None:
        self.version = f"{version('vl-convert-python')}-{_fingerprint()}"
        """Changes whenever the bytes do."""
        self._file = cache_dir / f"vega-{self.version}.bundle"
        self._lock = threading.Lock()
        self._files: dict[str, Bodies] | None = None

    def files(self) -> dict[str, Bodies]:
        """Name → the file. Blocks for seconds the first time: call it in a thread.

        Raises:
            BundleError: it could not be made.
        """
        with self._lock:
            if self._files is None:
                self._files = self._read_cached() or self._made()
            return self._files

    def _read_cached(self) -> dict[str, Bodies] | None:
        try:
            return unpack(self._file.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            logger.warning("%s cannot be read (%s): Vega is built again", self._file, error.strerror)
            return None

    def _made(self) -> dict[str, Bodies]:
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
        files = unpack(done.stdout)
        self._keep(done.stdout)
        return files

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


def pack(files: dict[str, Bodies]) -> bytes:
    """All files in one piece."""
    return msgspec.msgpack.encode(files)


def unpack(packed: bytes) -> dict[str, Bodies]:
    """The opposite of `pack`.

    Raises:
        ValueError: it is damaged or cut off.
    """
    return msgspec.msgpack.decode(packed, type=dict[str, dict[str, bytes]])


def compress(body: bytes, *, quality: int = 11) -> Bodies:
    """A body in every encoding. zstd is left out: whoever reads it reads brotli too, and brotli is smaller here."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    gzip = squeezer.compress(body) + squeezer.flush()
    return {"identity": body, "br": brotli.compress(body, quality=quality, mode=brotli.MODE_TEXT), "gzip": gzip}


def snippet() -> str:
    """The module that vl-convert bundles: it resolves the addresses of the packages in its wheel, without a network."""
    lines = [f'import * as transforms{i} from "{name}";' for i, name in enumerate(TRANSFORMS)]
    added = ", ".join(f"transforms{i}" for i in range(len(TRANSFORMS)))
    text = "\n".join([*lines, EXPORTS, f"Object.assign(transforms, {added});"])
    for name, number in PACKAGES.items():
        text = text.replace(f'"{name}"', f'"https://cdn.jsdelivr.net/npm/{name}@{number}/+esm"')
    return text


def compile_chart(name: str) -> dict[str, Any]:
    """A chart for Vega: `vega`, its specification, and the `height` in pixels, or of each `step` of the field `by`."""
    import vl_convert  # 80 MB: never in the server

    chart = specification(name)
    height = chart["height"]
    theme = json.loads(THEME.read_text(encoding="utf-8"))
    compiled = vl_convert.vegalite_to_vega(chart | {"width": SIZE, "height": SIZE, "config": theme})
    steps = {"step": height["step"], "by": chart["encoding"]["y"]["field"]} if isinstance(height, dict) else None
    return {"height": steps or height, "vega": compiled}


def write(output: BinaryIO) -> None:
    """Makes the files and writes them packed. Runs in a separate process."""
    import vl_convert

    with contextlib.suppress(OSError):
        os.nice(10)  # requests for figures have priority
    module = HINT + vl_convert.javascript_bundle(snippet())
    charts = json.dumps({name: compile_chart(name) for name in list_charts()}, separators=(",", ":"))
    output.write(pack({MODULE: compress(module.encode()), CHARTS: compress(charts.encode())}))


def _fingerprint() -> str:
    """The hash of all that the files are made of, beside the wheel."""
    charts = json.dumps({name: specification(name) for name in list_charts()})
    made_of = [Path(__file__).read_text(encoding="utf-8"), THEME.read_text(encoding="utf-8"), charts]
    return sha256("\0".join(made_of).encode()).hexdigest()[:12]


if __name__ == "__main__":
    write(sys.stdout.buffer)
