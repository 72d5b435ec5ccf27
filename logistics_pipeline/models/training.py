"""Trains a version of a model of durations from one snapshot, tests it, and promotes it if the gate allows.

Every method is a `Candidate`: what it expects of all records, so that methods are compared on the same windows.
"""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version as program_version
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.models import DeclaredModel
from logistics_core.models.artefacts import ArtefactFormat
from logistics_core.models.durations import write_duration
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.models import backtesting, drift, registry
from logistics_pipeline.models.arrays import Durations, FloatArray, KnownSums
from logistics_pipeline.models.backtesting import PROBABILITIES, Predicted, Split, Verdict
from logistics_pipeline.models.learning import MARGIN_HOURS, duration_document
from logistics_pipeline.models.records import Records, as_durations, input_schema, read_records
from logistics_pipeline.models.registry import Draft, Version
from logistics_pipeline.models.running_means import Running, Setting, Sums

RUNNING_MEAN = "running_mean"


@dataclass
class Past:
    """What is trained from and tested on: one snapshot, shared by all methods."""

    dataset: Dataset
    catalogue: Catalogue
    model: DeclaredModel
    records: Records
    durations: Durations
    sums: Sums
    parts: Split
    promise: FloatArray
    data_version: int
    settings: dict[bool, Setting] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """Of the durations."""
        return self.dataset.field(self.model.field).unit or "h"

    def best_setting(self) -> Setting:
        """Of the running means, by the records before the windows."""
        if True not in self.settings:
            self.settings[True] = backtesting.choose_setting(self.durations, self.sums, self.parts.before)
        return self.settings[True]


@dataclass(frozen=True)
class Candidate:
    """A method with what it expected of the past, and how to make a version of it."""

    method: str
    predicted: Predicted
    make: Callable[[], tuple[ArtefactFormat, bytes, bytes | None, dict[str, Any]]]
    """Format, artefact, companion, and what the card says about the method."""


class Method(Protocol):
    """A way to learn."""

    name: str

    def candidate(self, past: Past) -> Candidate:
        """What it expects of the past."""

    def again(self, past: Past, version: Version) -> Predicted | None:
        """What a version of this method expects of the same records; None if it cannot be told any more."""


class RunningMeans:
    """The method of `running_means`: the champion to beat."""

    name = RUNNING_MEAN

    def candidate(self, past: Past) -> Candidate:
        setting = past.best_setting()
        found, predicted = _of_setting(past, setting)

        def make() -> tuple[ArtefactFormat, bytes, None, dict[str, Any]]:
            document = duration_document(past.durations, past.model, past.unit, setting, found, predicted)
            says = {
                "method": "Mean logarithm of each group, shrunk towards what its fields say; quantiles from the last "
                "residuals, kept as wide as they turn out to have to be.",
                "window": setting.window,
                "shrink": setting.shrink,
                "spread_by_group": setting.is_spread_by_group,
                "clip": setting.clip,
                "groups": len(document.groups),
            }
            return ArtefactFormat.JSON, write_duration(document), None, says

        return Candidate(self.name, predicted, make)

    def again(self, past: Past, version: Version) -> Predicted | None:
        says = version.card.get("learnt", {})
        if not {"window", "shrink", "spread_by_group"} <= says.keys():
            return None
        setting = Setting(says["window"], says["shrink"], says["spread_by_group"], says.get("clip"))
        return _of_setting(past, setting)[1]


def _of_setting(past: Past, setting: Setting) -> tuple[Running, Predicted]:
    found = backtesting.expect(past.durations, past.sums, setting)
    return found, backtesting.predict(past.durations, found.mean, found.spread)


def read_past(
    connection: Connection, dataset: Dataset, catalogue: Catalogue, model: DeclaredModel, data_version: int
) -> Past:
    """The past of a model. The connection is in a transaction.

    Raises:
        TooFewRecords: too few records are finished.
    """
    records = read_records(connection, dataset, catalogue, model)
    durations = as_durations(records, dataset.field(model.field).unit)
    parts = backtesting.split(durations)
    return Past(
        dataset, catalogue, model, records, durations, Sums(durations), parts, _promise(records, durations, model),
        data_version,
    )  # fmt: skip


def _promise(records: Records, durations: Durations, model: DeclaredModel) -> FloatArray:
    """What was promised of each record or, without such a field, the known mean of its group and a margin."""
    if model.promise is not None:
        return np.where(records.promise > 0, records.promise, np.nan)
    values = np.where(np.isfinite(durations.value), durations.value, 0.0)
    number, total = KnownSums(durations.group, durations.known, durations.started).of(values, None)
    mean = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
    promise: FloatArray = mean + MARGIN_HOURS / durations.unit_hours
    return promise


@dataclass(frozen=True)
class Trained:
    """A version that was trained, and what became of it."""

    version: Version
    backtest_id: int
    overall: dict[str, Any]
    verdict: Verdict
    is_promoted: bool
    records: int


def train(
    connection: Connection,
    past: Past,
    method: Method,
    methods: dict[str, Method],
    author: str,
    *,
    may_promote: bool,
) -> Trained:
    """Trains a version, stores it with its back-test, and promotes it if it may be; within a transaction."""
    started = perf_counter()
    name = past.model.full_name(past.dataset.name)
    champion = registry.in_production(connection, name)
    candidate = method.candidate(past)
    windows = _windows(past, candidate.predicted)
    format, content, companion, says = candidate.make()
    draft = _draft(past, candidate.method, format, content, companion, says, perf_counter() - started)
    version = registry.register(connection, name, draft, author)
    compared = _compared(past, champion, methods, candidate)
    verdict = backtesting.judge(
        windows, compared, is_same_method=champion is not None and champion.method == candidate.method
    )
    if champion is not None and compared is None:
        reason = f"The version in production ({champion.method}) cannot be tested here: a person decides."
        verdict = Verdict("equal", reason, False)
    total = backtesting.overall(windows)
    backtest_id = registry.store_backtest(connection, version, windows, total, compared, verdict)
    registry.stage(connection, version, author, f"Back-test: {verdict.reason}", backtest_id)
    is_promoted = verdict.may_be_promoted and may_promote and not registry.is_held(connection, name)
    if is_promoted:
        version = registry.promote(connection, name, version.version, author, verdict.reason)
    else:
        registry.challenge(connection, version, author, verdict.reason, backtest_id)
        version = registry.find_version(connection, name, version.version)
    registry.archive_superseded(connection, name)
    return Trained(version, backtest_id, total, verdict, is_promoted, draft.trained_on)


def _compared(
    past: Past, champion: Version | None, methods: dict[str, Method], candidate: Candidate
) -> list[dict[str, Any]] | None:
    """What the version in production would have done in the same windows."""
    if champion is None or champion.method not in methods:
        return None
    found = methods[champion.method].again(past, champion)
    return None if found is None else _windows(past, found)


def _windows(past: Past, predicted: Predicted) -> list[dict[str, Any]]:
    found = backtesting.scores(past.durations, predicted, past.promise, past.parts)
    return [{"first_day": _day(each.pop("starts_at")), "last_day": _day(each.pop("ends_at")), **each} for each in found]


def _day(hours: float) -> str:
    return datetime.fromtimestamp(hours * 3600, UTC).date().isoformat()


def _draft(
    past: Past,
    method: str,
    format: ArtefactFormat,
    content: bytes,
    companion: bytes | None,
    says: dict[str, Any],
    seconds: float,
) -> Draft:
    finished = np.flatnonzero(np.isfinite(past.durations.known))
    days = [past.records.days[row] for row in (finished[0], finished[-1])]
    field = past.dataset.field(past.model.field)
    card = {
        "purpose": f"How long {past.dataset.title.lower()} take: {field.title.lower()} with quantiles, and the risk of "
        "being late.",
        "data": f"{len(finished):,} records of {past.dataset.name} that are finished, the newest of which began on "
        f"{days[1]}.",
        "learnt": says,
        "limits": [
            "Learns from finished records alone: what still runs, and takes long, is not in it yet.",
            "A group without finished records has what its fields say, from other groups.",
            "Without a promise in the records, late means more than the mean of the group and an hour.",
        ],
        "inputs": drift.distributions(past.records, past.model, finished),
    }
    return Draft(
        method=method,
        format=format,
        content=content,
        companion=companion,
        input_schema=input_schema(past.dataset, past.catalogue, past.model, past.records),
        outputs={"field": field.name, "unit": past.unit, "probabilities": list(PROBABILITIES), "late_risk": True},
        card=card,
        declaration=fingerprint_of(past.dataset, past.model),
        code_version=code_version(),
        data_version=past.data_version,
        trained_on=len(finished),
        first_day=days[0],
        last_day=days[1],
        seconds=seconds,
        memory_bytes=highest_memory(),
    )


# -- what a version depends on beside the records ---------------------------------------------------------------------


def fingerprint_of(dataset: Dataset, model: DeclaredModel) -> str:
    """A fingerprint of what the contract asks for: another one is a reason to train."""
    unit = dataset.field(model.field).unit
    return sha256(repr((model, unit, dataset.dating)).encode()).hexdigest()[:32]


@cache
def code_version() -> str:
    """The version of the program with a fingerprint of what learns and predicts."""
    found = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return f"{program_version('logistics-analytics-platform')}+{found.hexdigest()[:12]}"


def highest_memory() -> int:
    """Bytes; macOS counts bytes where others count kilobytes."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
