"""Charts as pictures, in a process of its own that ends: the renderer takes 100 MB, and may take too long."""

import subprocess
import sys
from collections.abc import Sequence

import msgspec

from logistics_core.charts import picture
from logistics_pipeline.reporting.charts import Chart
from logistics_pipeline.reporting.faults import ReportFault

WIDTH = 540
"""Pixels of a picture in the mail; it has twice as many, for screens with small ones."""
SECONDS = 120.0


def draw(charts: Sequence[Chart], seconds: float = SECONDS) -> list[bytes]:
    """PNG files of charts.

    Raises:
        ReportFault: one cannot be drawn, or all take longer than `seconds`.
    """
    if not charts:
        return []
    specifications = [picture(each.specification, each.rows, width=WIDTH) for each in charts]
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__], input=msgspec.json.encode(specifications), capture_output=True,
            timeout=seconds, check=True,
        )  # fmt: skip
        pictures = msgspec.json.decode(done.stdout, type=list[bytes])
    except subprocess.TimeoutExpired:
        raise ReportFault(f"The charts were not drawn within {seconds:g} s.") from None
    except (subprocess.CalledProcessError, OSError, msgspec.DecodeError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        reason = said.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason was given"]
        raise ReportFault(f"The charts could not be drawn: {reason[0][:300]}") from error
    if len(pictures) != len(charts) or not all(pictures):
        raise ReportFault("Some charts could not be drawn.")
    return pictures


def _main() -> None:
    import vl_convert

    drawn = [vl_convert.vegalite_to_png(each, scale=2) for each in msgspec.json.decode(sys.stdin.buffer.read())]
    sys.stdout.buffer.write(msgspec.json.encode(drawn))


if __name__ == "__main__":
    _main()
