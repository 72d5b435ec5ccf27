"""The charts: one Vega-Lite specification per file, and the functions that add rows to them.

The dashboard draws them in the browser, the pipeline as pictures for Dagster; both import this package and it imports
neither. A specification holds no rows, no colours and no width: rows come in as the data set `rows`, the rest with the
configuration of whoever draws. The head of each file (`description`, `usermeta.columns`) says what one row has to be.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from logistics_core.languages.chart_words import ChartWords

FOLDER = Path(__file__).resolve().parent
SUFFIX = ".vl.json"
THEME = FOLDER / "theme.json"
"""Colours and type for a light background, for pictures. The dashboard takes its own from its style sheet."""


def list_charts() -> list[str]:
    """Names of all charts, ready for `specification`."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def specification(name: str) -> dict[str, Any]:
    """The specification without data.

    Raises:
        FileNotFoundError: there is no such chart.
    """
    document: dict[str, Any] = json.loads(_text(name))
    return document


def picture(
    name: str, rows: Iterable[Mapping[str, Any]], *, width: int = 640, words: ChartWords | None = None
) -> dict[str, Any]:
    """A complete specification for a renderer such as vl-convert: with its rows, a light theme and `width` pixels.

    Args:
        words: how numbers and dates at its axes are written; None: as in English.
    """
    config = json.loads(THEME.read_text(encoding="utf-8"))
    complete = specification(name)
    if words is not None:
        config["locale"] = words.locale
        for each in complete.get("params", ()):
            each["value"] |= words.wording if each["name"] == "wording" else {}
    return complete | {"width": width, "config": config, "datasets": {"rows": [dict(row) for row in rows]}}


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}{SUFFIX}").read_text(encoding="utf-8")
