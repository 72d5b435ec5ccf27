"""Charts as pictures, in a process of its own that ends: the renderer takes 100 MB, and may take too long."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

WIDTH = 540
"""Pixels of a picture in a mail; it has twice as many, for screens with small ones."""


class DrawingError(Exception):
    """Charts could not be drawn; the message is a sentence."""


def draw(specifications: Sequence[Mapping[str, Any]], seconds: float) -> list[bytes]:
    """PNG files of complete Vega-Lite specifications.

    Raises:
        DrawingError: one cannot be drawn, or all take longer than `seconds`.
    """
    if not specifications:
        return []
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__], input=msgspec.json.encode(specifications), capture_output=True,
            timeout=seconds, check=True,
        )  # fmt: skip
        pictures = msgspec.json.decode(done.stdout, type=list[bytes])
    except subprocess.TimeoutExpired:
        raise DrawingError(f"The charts were not drawn within {seconds:g} s.") from None
    except (subprocess.CalledProcessError, OSError, msgspec.DecodeError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        reason = said.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason was given"]
        raise DrawingError(f"The charts could not be drawn: {reason[0][:300]}") from error
    if len(pictures) != len(specifications) or not all(pictures):
        raise DrawingError("Some charts could not be drawn.")
    return pictures


def _main() -> None:
    import vl_convert

    drawn = [vl_convert.vegalite_to_png(each, scale=2) for each in msgspec.json.decode(sys.stdin.buffer.read())]
    sys.stdout.buffer.write(msgspec.json.encode(drawn))


if __name__ == "__main__":
    _main()
