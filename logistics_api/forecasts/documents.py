"""Answers about forecasts: what there is as JSON, and rows as files."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from logistics_api.forecasts.parameters import Question
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.forecasts import DeclaredForecasts
from logistics_core.database_contract.forecasts import ENOUGH_SCORED
from logistics_core.metrics.defaults import find_metric
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.periods import DayRange
from logistics_core.special_days import special_days

ERRORS = ("error", "naive_error", "bias", "coverage_80", "coverage_90")
Fits = Mapping[tuple[str, str, str, str], Mapping[str, Any]]
"""The newest fits by dataset, metric, grain and levels as JSON."""


def catalogue_document(catalogue: Catalogue, fits: list[Any]) -> dict[str, Any]:
    """All that the contracts ask for, with the newest fit of each."""
    by_key = {(each["dataset"], each["metric"], each["grain"], json.dumps(each["levels"])): each for each in fits}
    return {
        "datasets": [
            {
                "dataset": name,
                "title": dataset.title,
                "forecasts": [
                    _metric(dataset, catalogue, entry, metric, by_key)
                    for entry in dataset.forecasts
                    for metric in entry.metrics
                ],
            }
            for name, dataset in catalogue.items()
            if dataset.forecasts
        ]
    }


def _metric(dataset: Dataset, catalogue: Catalogue, entry: DeclaredForecasts, name: str, fits: Fits) -> dict[str, Any]:
    metric = find_metric(dataset, name)
    assert metric is not None
    levels = [list(level) for level in entry.levels]
    fit = fits.get((dataset.name, name, entry.grain.value, json.dumps(levels)))
    return {
        "metric": name,
        "title": metric.title,
        "unit": metric.unit,
        "better": metric.better,
        "grain": entry.grain.value,
        "horizon": entry.horizon,
        "levels": [
            {
                "by": level,
                "titles": [read_path(path, dataset, catalogue).field.title for path in level],
                **_accuracy(fit, number),
            }
            for number, level in enumerate(levels)
        ],
        "run": None if fit is None else fit["run"],
    }


def _accuracy(fit: Mapping[str, Any] | None, level: int) -> dict[str, Any]:
    if fit is None:
        return {"is_tracked": False, "accuracy": None}
    tracked = next((each for each in fit["tracked"] or () if each["level"] == level), None)
    if tracked is None or tracked["forecasts"] < ENOUGH_SCORED or not tracked["actual"]:
        found = {name: fit["backtest"][level][name] for name in ERRORS}
    else:
        found = {
            "error": tracked["absolute"] / tracked["actual"],
            "naive_error": tracked["naive_absolute"] / tracked["actual"],
            "bias": tracked["error"] / tracked["actual"],
            "coverage_80": tracked["within_80"] / tracked["forecasts"],
            "coverage_90": tracked["within_90"] / tracked["forecasts"],
        }
        return {"is_tracked": True, "accuracy": found | {"value_added": value_added(found)}}
    return {"is_tracked": False, "accuracy": found | {"value_added": value_added(found)}}


def value_added(errors: Mapping[str, Any]) -> float | None:
    """1 − error / naive error; None if one is missing, or repeating was right."""
    if errors["error"] is None or not errors["naive_error"]:
        return None
    return float(1 - errors["error"] / errors["naive_error"])


def describe(question: Question) -> dict[str, Any]:
    """What an answer says first."""
    return {
        "dataset": question.dataset.name,
        "metric": question.metric.name,
        "title": question.metric.title,
        "grain": question.grain.value,
        "by": list(question.level),
    }


def special_days_ahead(declared: DeclaredForecasts, run: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """The special days among the periods that a fit is about."""
    if run is None or not (declared.holidays or declared.special_days):
        return []
    last = date.fromisoformat(run["last_period"])
    days = DayRange(last + timedelta(days=1), last + timedelta(days=run["horizon"]))
    found = special_days(declared.holidays, declared.special_days, days)
    return [{"day": day.isoformat(), "name": name} for day, name in found.items()]


# -- files -----------------------------------------------------------------------------------------------------------


def rows(
    question: Question, probabilities: tuple[float, ...], series: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """One row per series and period, by the names of `columns_of`."""
    columns = columns_of(question, probabilities)
    missing = [None] * len(probabilities)
    for each in series:
        key = [each["key"].get(name) for name in question.level]
        for point in each["points"]:
            quantiles = point["quantiles"] or missing
            values = [
                *key, each["is_rest"], point["period"], point["step"], point["point"], *quantiles, point["naive"],
                point["actual"], each["method"],
            ]  # fmt: skip
            yield dict(zip(columns, values, strict=True))


def as_csv(found: list[dict[str, Any]], columns: list[str]) -> bytes:
    """A header, and a line per row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _text(value) for name, value in row.items()} for row in found)
    return text.getvalue().encode()


def _text(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


def as_ndjson(found: list[dict[str, Any]]) -> bytes:
    """An object per line."""
    return b"".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in found)


def columns_of(question: Question, probabilities: tuple[float, ...]) -> list[str]:
    """The columns of a file. What a field or the metric is called as well has `forecast_` before its name."""
    quantiles = [f"q{100 * each:02g}" for each in probabilities]
    before, after = ["is_rest", "period", "step"], [*quantiles, "naive", "actual", "method"]
    taken = {*question.level, question.metric.name}
    metric = _free(question.metric.name, set(question.level))
    own = {name: _free(name, taken | {metric}) for name in (*before, *after)}
    return [*question.level, *(own[name] for name in before), metric, *(own[name] for name in after)]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"forecast_{name}"
    return name
