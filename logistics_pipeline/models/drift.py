"""How far inputs have moved from those that a version was trained on: the population stability index.

PSI is the sum over bins of (now − then) · log(now / then), of shares. Below 0.1 nothing has changed; above 0.25 the
records are of another kind.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from logistics_core.catalogue.models import DeclaredModel
from logistics_pipeline.models.arrays import FloatArray, IntArray
from logistics_pipeline.models.records import Records

BINS = 10
MOST_GROUPS = 50
"""The largest; the others are one bin."""
LEAST_SHARE = 1e-4
"""Of a bin without records: a logarithm needs some."""
MOVED = 0.25
FEWEST_RECORDS = 200
"""PSI of fewer says nothing: its noise is about bins / records."""


def distributions(records: Records, model: DeclaredModel, rows: IntArray) -> list[dict[str, Any]]:
    """What inputs of some records were distributed like: tenths of numbers, shares of the largest groups."""
    return [
        *(_of_number(name, records.inputs[rows, place]) for place, name in enumerate(model.per)),
        _of_groups(model.by, [records.groups[each] for each in records.group[rows].tolist()]),
    ]


def _of_number(name: str, values: FloatArray) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.array([])
    return {"input": name, "edges": edges.tolist(), "shares": _shares(values, edges)}


def _shares(values: FloatArray, edges: FloatArray) -> list[float]:
    """Of each bin between the edges, then of missing values."""
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    total = max(1, len(values))
    return [*(float(each) / total for each in counts), float(missing.sum()) / total]


def _of_groups(by: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for key in keys:
        text = text_of(key)
        counts[text] = counts.get(text, 0) + 1
    largest = sorted(counts, key=lambda text: (-counts[text], text))[:MOST_GROUPS]
    total = max(1, len(keys))
    shares = [counts[text] / total for text in largest]
    return {"input": ", ".join(by), "groups": largest, "shares": [*shares, max(0.0, 1 - sum(shares))]}


def text_of(key: tuple[Any, ...]) -> str:
    """A key as JSON."""
    return msgspec.json.encode(key).decode()


def drifted(then: Sequence[dict[str, Any]], records: Records, model: DeclaredModel) -> dict[str, float]:
    """The PSI of each input of some records beside those of training."""
    found = {}
    names = {name: place for place, name in enumerate(model.per)}
    for known in then:
        if "edges" in known:
            if known["input"] not in names:
                continue
            now = _shares(records.inputs[:, names[known["input"]]], np.array(known["edges"]))
        else:
            now = _shares_of_groups(known["groups"], records)
        found[str(known["input"])] = psi(known["shares"], now)
    return found


def _shares_of_groups(groups: Sequence[str], records: Records) -> list[float]:
    counts = np.bincount(records.group, minlength=len(records.groups))
    of_text = {text_of(key): int(counts[place]) for place, key in enumerate(records.groups)}
    total = max(1, len(records))
    shares = [of_text.get(text, 0) / total for text in groups]
    return [*shares, max(0.0, 1 - sum(shares))]


def psi(then: Sequence[float], now: Sequence[float]) -> float:
    """The population stability index of two distributions over the same bins."""
    before, after = (np.maximum(np.asarray(each, dtype=np.float64), LEAST_SHARE) for each in (then, now))
    return float(((after - before) * np.log(after / before)).sum())
