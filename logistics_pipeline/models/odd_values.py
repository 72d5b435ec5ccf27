"""Models of odd values: trained, tested on cases injected into the past, and used to say which records are odd.

Each finding has its reason in words. Groups are compared with their own past: the same vehicle burnt more lately.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from time import perf_counter
from typing import Any

import numpy as np

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.models import DeclaredModel
from logistics_core.metrics.paths import read_path
from logistics_core.models.artefacts import ArtefactFormat
from logistics_core.models.odd_values import Curve, OddValuesDocument, OddValuesModel, write_odd_values
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.models import drift, registry, training
from logistics_pipeline.models.arrays import BoolArray, FloatArray, IntArray
from logistics_pipeline.models.backtesting import FEWEST_RECORDS, TooFewRecords, Verdict
from logistics_pipeline.models.records import Records, input_schema, read_records
from logistics_pipeline.models.registry import Draft, Version
from logistics_pipeline.models.residuals import Curves, fit, is_complete
from logistics_pipeline.models.training import Trained

METHOD = "residuals"
LOOKED_AT_DAYS = 90
"""Records that began longer before the newest one are not looked at again."""
LATELY_DAYS = 28
"""Of groups, beside their past."""
FEWEST_LATELY = 8
GROUP_SCORE = 6.0
"""Standard errors of the mean of a group's residuals."""
MOST_FINDINGS = 2_000

TESTED = 0.2
WINDOWS = 4
INJECT_EVERY = 50
"""Every so-manieth record of the back-test is made odd."""
INJECTED = (1.5, 2.5)
"""By how many times the least effect, up and down in turn."""
PRECISION_TOLERANCE = 0.05


def read_values(connection: Connection, dataset: Dataset, catalogue: Catalogue, model: DeclaredModel) -> Records:
    """The newest records with a value above 0. The connection is in a transaction."""
    records = read_records(connection, dataset, catalogue, model)
    return records.of(np.flatnonzero(records.value > 0).tolist())


# -- training --------------------------------------------------------------------------------------------------------


def train(
    connection: Connection,
    dataset: Dataset,
    catalogue: Catalogue,
    model: DeclaredModel,
    records: Records,
    data_version: int,
    author: str,
    *,
    may_promote: bool,
) -> Trained:
    """Trains a version, stores it with its back-test, and promotes it if it finds as much as the one in production.

    Raises:
        TooFewRecords: there are less than `FEWEST_RECORDS` with a value, or none that it could be tested on.
    """
    if len(records) < FEWEST_RECORDS:
        raise TooFewRecords(f"{len(records):,} records have a value, and at least {FEWEST_RECORDS} are needed.")
    started = perf_counter()
    name = model.full_name(dataset.name)
    champion = registry.in_production(connection, name)
    windows = backtest(records, float(model.min_effect))
    if not windows:
        inputs = f" {', '.join(model.per)} and" if model.per else ""
        raise TooFewRecords(
            f"None of the newest {TESTED:.0%} of the records has{inputs} a group that was seen before, so nothing can "
            "be tested."
        )
    found = fit(records.value, records.group, len(records.groups), records.inputs)
    draft = _draft(dataset, catalogue, model, records, found, data_version, perf_counter() - started)
    version = registry.register(connection, name, draft, author)
    overall = total(windows)
    verdict = _judge(overall, _tested(connection, champion))
    backtest_id = registry.store_backtest(connection, version, windows, overall, None, verdict)
    registry.stage(connection, version, author, f"Back-test: {verdict.reason}", backtest_id)
    is_promoted = verdict.may_be_promoted and may_promote and not registry.is_held(connection, name)
    if is_promoted:
        registry.promote(connection, name, version.version, author, verdict.reason)
    else:
        registry.challenge(connection, version, author, verdict.reason, backtest_id)
    registry.archive_superseded(connection, name)
    version = registry.find_version(connection, name, version.version)
    return Trained(version, backtest_id, overall, verdict, is_promoted, len(records))


def _tested(connection: Connection, champion: Version | None) -> dict[str, Any] | None:
    if champion is None:
        return None
    row = connection.execute(
        "SELECT overall FROM models.backtests WHERE model = %s AND version = %s ORDER BY backtest_id DESC LIMIT 1",
        (champion.model, champion.version),
    ).fetchone()
    return None if row is None else row[0]


def _judge(overall: dict[str, Any], before: dict[str, Any] | None) -> Verdict:
    precision, recall = _share(overall["precision"]), _share(overall["recall"])
    says = f"{precision} of what it called odd was injected, of which it found {recall}"
    if before is None:
        return Verdict("first", f"No version is in production yet: {says}.", True)
    for measure in ("precision", "recall"):
        now, then = overall[measure], before[measure]
        if now is not None and then is not None and now < then - _tolerance(then, overall["injected"]):
            return Verdict("worse", f"Its {measure} is {_share(now)}, and was {_share(then)} before: {says}.", False)
    return Verdict("equal", f"It finds as much as the version in production: {says}.", True)


def _tolerance(share: float, cases: int) -> float:
    """By how much a share of some cases may be lower by chance: two standard errors, or a little."""
    likely = (share * cases + 1) / (cases + 2)
    return max(PRECISION_TOLERANCE, 2 * float(np.sqrt(likely * (1 - likely) / max(1, cases))))


def _share(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.0%}"


def backtest(records: Records, min_effect: float) -> list[dict[str, Any]]:
    """How much of what is injected into the newest fifth is found by curves of what was before, window by window.

    Whatever else is called odd counts as wrong, although real records are odd at times: precision is understated.
    """
    first = int(len(records) * (1 - TESTED))
    before, rows = records.of(range(first)), np.arange(first, len(records))
    curves = fit(before.value, before.group, len(records.groups), before.inputs)
    usable = (curves.seen[records.group] >= 1) & is_complete(records.inputs)
    value, injected = inject(records.value, rows, min_effect)
    residuals = curves.residuals(np.log(value), records.group, records.inputs)
    odd = odd_rows(curves, residuals, records.group, min_effect) & usable
    found = []
    for part in np.array_split(rows, WINDOWS):
        part = part[usable[part]]
        if len(part):
            found.append(_of_window(records, part, odd, injected))
    return found


def inject(values: FloatArray, rows: IntArray, min_effect: float) -> tuple[FloatArray, BoolArray]:
    """Makes every `INJECT_EVERY`th of some records odd; returns all values, and which were changed."""
    chosen = rows[INJECT_EVERY // 2 :: INJECT_EVERY]
    changed, is_injected = values.copy(), np.zeros(len(values), dtype=bool)
    is_injected[chosen] = True
    for number, row in enumerate(chosen.tolist()):
        factor = 1 + min_effect * INJECTED[number // 2 % len(INJECTED)]
        changed[row] = values[row] * (factor if number % 2 == 0 else 1 / factor)
    return changed, is_injected


def odd_rows(curves: Curves, residuals: FloatArray, group: IntArray, min_effect: float) -> BoolArray:
    """(records,) Which are odd."""
    far = np.abs(curves.scores(residuals, group)) >= curves.least_score
    found: BoolArray = far & (np.abs(residuals) >= np.log1p(min_effect))
    return found


def _of_window(records: Records, rows: IntArray, odd: BoolArray, injected: BoolArray) -> dict[str, Any]:
    right, called, wanted = int((odd & injected)[rows].sum()), int(odd[rows].sum()), int(injected[rows].sum())
    return {
        "first_day": records.days[int(rows[0])].isoformat(),
        "last_day": records.days[int(rows[-1])].isoformat(),
        "records": len(rows),
        "injected": wanted,
        "called_odd": called,
        "right": right,
        "precision": right / called if called else None,
        "recall": right / wanted if wanted else None,
    }


def total(windows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All windows together."""
    sums = {name: sum(each[name] for each in windows) for name in ("records", "injected", "called_odd", "right")}
    return sums | {
        "precision": sums["right"] / sums["called_odd"] if sums["called_odd"] else None,
        "recall": sums["right"] / sums["injected"] if sums["injected"] else None,
    }


def _draft(
    dataset: Dataset,
    catalogue: Catalogue,
    model: DeclaredModel,
    records: Records,
    found: Curves,
    data_version: int,
    seconds: float,
) -> Draft:
    field = dataset.field(model.field)
    document = OddValuesDocument(
        field=model.field,
        unit=field.unit,
        by=list(model.by),
        per=list(model.per),
        centres=found.centres.tolist(),
        min_effect=float(model.min_effect),
        least_score=found.least_score,
        coefficients=found.overall.tolist(),
        spread=found.overall_spread,
        groups=[
            Curve(list(key), found.coefficients[row].tolist(), float(found.spread[row]), int(found.seen[row]))
            for row, key in enumerate(records.groups)
            if found.seen[row]
        ],
    )
    card = {
        "purpose": f"Which values of {field.title.lower()} are odd: far from what is usual for its "
        f"{', '.join(model.by)}" + (f" at its {', '.join(model.per)}" if model.per else "") + ".",
        "data": f"{len(records):,} records of {dataset.name} with a value, from {records.days[0]} to "
        f"{records.days[-1]}.",
        "learnt": {
            "method": "A curve of the logarithms of the inputs for each group, shrunk towards that of all; odd is what "
            f"is {found.least_score:.1f} usual deviations away, and {model.min_effect:.0%} or more.",
            "groups": len(document.groups),
        },
        "limits": [
            "What is odd need not be wrong: it is worth a look.",
            "Precision and recall are of injected cases, and all else that is called odd counts as wrong.",
        ],
        "inputs": drift.distributions(records, model, np.arange(len(records))),
    }
    return Draft(
        method=METHOD,
        format=ArtefactFormat.JSON,
        content=write_odd_values(document),
        input_schema=input_schema(dataset, catalogue, model, records),
        outputs={"field": field.name, "unit": field.unit, "expected": True, "effect": True, "score": True},
        card=card,
        declaration=training.fingerprint_of(dataset, model),
        code_version=training.code_version(),
        data_version=data_version,
        trained_on=len(records),
        first_day=records.days[0],
        last_day=records.days[-1],
        seconds=seconds,
        memory_bytes=training.highest_memory(),
    )


# -- findings --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """A value, or a group lately, that is odd."""

    subject: str
    key: str
    """In JSON."""
    day: date
    actual: float
    expected: float
    effect: float
    score: float
    records: int
    reason: str


def find_odd(
    dataset: Dataset, catalogue: Catalogue, model: DeclaredModel, version: OddValuesModel, records: Records
) -> list[Finding]:
    """The odd records of the last days, and the groups that are odd lately; the oddest first."""
    if not len(records):
        return []
    since = records.days[-1] - timedelta(LOOKED_AT_DAYS)
    rows = [row for row, day in enumerate(records.days) if day > since]
    words = _Words(dataset, catalogue, model)
    residuals = np.full(len(records), np.nan)
    found: list[Finding] = []
    for row in rows:
        key, inputs = records.groups[int(records.group[row])], records.inputs[row].tolist()
        value = float(records.value[row])
        judged = version.judge(value, key, [None if np.isnan(each) else each for each in inputs])
        if not judged.is_complete:
            continue
        residuals[row] = np.log(judged.effect)
        if judged.is_odd and judged.seen:
            reason = words.of_record(value, judged.expected, judged.effect, judged.score, key, inputs)
            found.append(
                Finding(
                    "record", records.keys[row], records.days[row], value, judged.expected, judged.effect,
                    judged.score, 1, reason,
                )
            )  # fmt: skip
    found.sort(key=lambda each: -abs(each.score))
    return [*_groups(model, version, records, residuals, words), *found[:MOST_FINDINGS]]


def _groups(
    model: DeclaredModel, version: OddValuesModel, records: Records, residuals: FloatArray, words: "_Words"
) -> Iterator[Finding]:
    """Groups whose median residual of the last weeks is far from 0, which is their own past."""
    since = records.days[-1] - timedelta(LATELY_DAYS)
    lately = np.array([day > since for day in records.days])
    spreads = {tuple(group.key): group.spread for group in version.document.groups}
    for number in np.unique(records.group[lately]).tolist():
        rows = np.flatnonzero(lately & (records.group == number) & np.isfinite(residuals))
        key = records.groups[number]
        if len(rows) < FEWEST_LATELY or key not in spreads:
            continue
        middle = float(np.median(residuals[rows]))
        error = 1.2533 * spreads[key] / float(np.sqrt(len(rows)))  # of a median of normal noise
        if abs(middle) < np.log1p(float(model.min_effect)) or abs(middle) < GROUP_SCORE * error:
            continue
        actual = float(np.exp(np.log(records.value[rows]).mean()))
        effect = float(np.exp(middle))
        yield Finding(
            "group", _json(key), records.days[int(rows[-1])], actual, actual / effect, effect, middle / error,
            len(rows),
            words.of_group(effect, key, len(rows)),
        )  # fmt: skip


def _json(key: Sequence[Any]) -> str:
    return drift.text_of(tuple(key))


class _Words:
    """Reasons in words."""

    def __init__(self, dataset: Dataset, catalogue: Catalogue, model: DeclaredModel) -> None:
        self._field = dataset.field(model.field)
        self._by = [read_path(path, dataset, catalogue).field.title.lower() for path in model.by]
        self._per = [read_path(path, dataset, catalogue).field for path in model.per]

    def of_record(
        self,
        value: float,
        expected: float,
        effect: float,
        score: float,
        key: Sequence[Any],
        inputs: Sequence[float],
    ) -> str:
        """Why a record is odd: `Fuel 182 L is 44 % more than the 127 L that are usual for vehicle V-017 at 412 km`."""
        unit = "" if self._field.unit in (None, "currency") else f" {self._field.unit}"
        at = [f"{each:,.4g} {field.unit or field.title.lower()}" for each, field in self._known(inputs)]
        return (
            f"{self._field.title} {value:,.4g}{unit} is {_by_how_much(effect)} than the {expected:,.4g}{unit} that "
            f"are usual "
            f"for {self._group(key)}{' at ' + ' and '.join(at) if at else ''}: {abs(score):.0f} usual deviations."
        )

    def _known(self, inputs: Sequence[float]) -> list[tuple[float, Any]]:
        return [(each, field) for each, field in zip(inputs, self._per, strict=True) if not np.isnan(each)]

    def of_group(self, effect: float, key: Sequence[Any], records: int) -> str:
        """Why a group is odd: `Fuel of vehicle V-017 was 24 % more than usual in its 31 records of 28 days`."""
        return (
            f"{self._field.title} of {self._group(key)} was {_by_how_much(effect)} than usual in its {records} "
            f"records of "
            f"the last {LATELY_DAYS} days."
        )

    def _group(self, key: Sequence[Any]) -> str:
        return ", ".join(
            f"{name} {value if value is not None else 'unknown'}" for name, value in zip(self._by, key, strict=True)
        )


def _by_how_much(effect: float) -> str:
    if effect >= 2:
        return f"{effect - 1:.1f} times more"
    return f"{100 * abs(effect - 1):.0f} % {'more' if effect > 1 else 'less'}"


def store_findings(
    connection: Connection, name: str, version: Version, found: Sequence[Finding], data_version: int
) -> None:
    """Keeps what is odd now. What is not any more, as it was corrected or has become old, is forgotten."""
    kept = [(each.subject, each.key) for each in found]
    connection.execute(
        "DELETE FROM models.odd_values WHERE model = %s AND (subject, key) NOT IN "
        "(SELECT * FROM unnest(%s::text[], %s::jsonb[]))",
        (name, [subject for subject, _ in kept], [key for _, key in kept]),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO models.odd_values AS known (model, subject, key, version, day, actual, expected, effect, "
            "score, "
            "records, reason, data_version) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (model, subject, key) DO UPDATE SET version = excluded.version, day = excluded.day, "
            "actual = excluded.actual, expected = excluded.expected, effect = excluded.effect, score = excluded.score, "
            "records = excluded.records, reason = excluded.reason, data_version = excluded.data_version",
            [
                (
                    name, each.subject, each.key, version.version, each.day, each.actual, each.expected, each.effect,
                    each.score, each.records, each.reason, data_version,
                )
                for each in found
            ],
        )  # fmt: skip
