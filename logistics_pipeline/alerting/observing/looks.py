"""One look at all subjects of a rule, by its kind. Most kinds are one statement in `sql/alerting`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from logistics_core.alert_rules.rules import Kind, Watch
from logistics_core.alert_rules.subjects import check_subjects
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.languages.sentences import Sentence, sentence_of
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.metrics import observe_metric
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Observation, Words
from logistics_pipeline.analytics.quality import Quality, quality_of
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting.accuracy import accuracy_of
from logistics_pipeline.models.track_record import record_of

MOST_SUBJECTS = 1_000
"""Of one statement, the newest or worst first: more at once say the same thing."""


def look(
    connection: Connection, catalogue: Catalogue, watch: Watch, moment: datetime, *, is_past: bool = False
) -> list[Observation]:
    """All subjects of a rule, as they are at a moment.

    Args:
        connection: to look in.
        catalogue: the datasets.
        watch: what the rule looks at.
        moment: now, or one before.
        is_past: whether what came after the moment counts for nothing; of kinds about records, the ledger, forecasts,
            predictions and messages, which tell that.

    Raises:
        CannotEvaluate: the rule is about something that does not exist.
        psycopg.Error: the statement failed.
    """
    try:
        check_subjects(watch, catalogue)
    except ShapeFault as error:
        raise CannotEvaluate(str(error)) from error
    past = moment if is_past else None
    if watch.kind is Kind.METRIC:
        return observe_metric(connection, catalogue, watch, moment)
    if watch.kind in _BY_DATASET:
        datasets = list(catalogue.values()) if watch.dataset is None else [catalogue[watch.dataset]]
        return list(_BY_DATASET[watch.kind](connection, datasets, past))
    found = _of_statement(connection, watch, moment, past)
    return [each for each in found if not _is_known_by_now(each, catalogue)]


def _of_statement(connection: Connection, watch: Watch, moment: datetime, past: datetime | None) -> list[Observation]:
    parameters: dict[str, Any] = {
        "dataset": watch.dataset,
        "metric": watch.metric,
        "grain": watch.grain.value,
        "over": watch.over,
        "window_days": watch.window_days,
        "least_records": watch.least_records,
        "moment": moment,
        "past": past,
        "most": MOST_SUBJECTS,
    }
    rows = connection.execute(read_sql(f"alerting/{watch.kind.value}").encode(), parameters).fetchall()
    return [
        Observation(labels, value, Words(sentence_of(summary), tuple(_fact(*each) for each in facts)), page)
        for labels, value, summary, facts, page in rows
    ]


def _fact(name: Any, value: Any) -> tuple[str, str]:
    """A fact of a statement: a name, a text or a sentence, with a text, a number or a sentence."""
    is_number = isinstance(value, int | float)
    said = Sentence(name) if isinstance(name, str) else sentence_of(name)
    return said, Sentence("{value}", value=value) if is_number else sentence_of(value)


def _is_known_by_now(observation: Observation, catalogue: Catalogue) -> bool:
    """Whether a file has a field that its contract did not know then, and does now."""
    dataset = catalogue.get(observation.labels.get("dataset", ""))
    is_new = observation.labels.get("change") == "new"
    return is_new and dataset is not None and observation.labels["field"] in {each.name for each in dataset.fields}


def _forecast_errors(
    connection: Connection, datasets: Sequence[Dataset], past: datetime | None
) -> Iterator[Observation]:
    """How large the errors of forecasts are, as multiples of those of repeating the last season. Tracked ones only."""
    for dataset in datasets:
        for each in accuracy_of(connection, dataset.name, past) if dataset.forecasts else ():
            if not each.is_tracked or each.error is None or not each.naive_error:
                continue
            labels = {
                "dataset": dataset.name, "metric": each.metric, "grain": each.grain, "by": ",".join(each.fields),
            }  # fmt: skip
            summary = Sentence(
                "Forecasts of {forecast} ({dataset}) were off by {error:percent}, repeating the last season by "
                "{naive:percent}",
                forecast=each.name, dataset=dataset.name, error=each.error, naive=each.naive_error,
            )  # fmt: skip
            page = f"/forecasts?forecast={dataset.name}.{each.metric}.{each.grain}"
            yield Observation(labels, each.error / each.naive_error, Words(summary), page)


def _quality_scores(
    connection: Connection, datasets: Sequence[Dataset], past: datetime | None
) -> Iterator[Observation]:
    """The quality of each dataset, in percent; of one without files there is none."""
    for each in quality_of(connection, datasets, past):
        if each.score.score is not None:
            yield _of_quality(each, 100 * each.score.score)


def _quality_shortfalls(
    connection: Connection, datasets: Sequence[Dataset], past: datetime | None
) -> Iterator[Observation]:
    """How far each dataset is below the floor of its contract, in percentage points."""
    expected = [each for each in datasets if each.expectations.quality is not None]
    for each in quality_of(connection, expected, past) if expected else ():
        if each.score.score is not None and each.floor is not None:
            yield _of_quality(each, max(0.0, 100 * (each.floor - each.score.score)))


def _of_quality(quality: Quality, value: float) -> Observation:
    name, score, worst = quality.dataset.name, quality.score.score, quality.score.worst
    assert score is not None
    facts: list[tuple[str, str]] = [(Sentence("Dataset"), name), (Sentence("Quality"), _percentage(score))]
    if quality.floor is not None:
        facts.append((Sentence("Floor of the contract"), _percentage(quality.floor)))
    if worst is not None:
        rule = " ".join(filter(None, [worst.name, worst.field]))
        passed = Sentence("{rule}: {passed} of {tested}", rule=rule, passed=worst.passed, tested=worst.tested)
        facts.append((Sentence("Worst rule"), passed))
    summary = Sentence("The quality of {dataset} is {quality}", dataset=name, quality=_percentage(score))
    return Observation({"dataset": name}, value, Words(summary, tuple(facts)), "/pipeline")


def _percentage(share: float) -> Sentence:
    return Sentence("{share:percentage}", share=share)


def _model_errors(connection: Connection, datasets: Sequence[Dataset], past: datetime | None) -> Iterator[Observation]:
    """How large the errors of models are, as multiples of those of the median of the group."""
    for dataset in datasets:
        for model in dataset.models:
            name = model.full_name(dataset.name)
            record = record_of(connection, name, past)
            if record is None or record.get("error") is None or not record.get("naive_error"):
                continue
            error, naive = record["error"], record["naive_error"]
            said = {"model": name, "error": float(f"{error:.3g}"), "naive": float(f"{naive:.3g}")}
            if record["is_tracked"]:
                summary = Sentence(
                    "{model} was off by {error} on average, the median of the group by {naive}, by what came true",
                    arguments=said,
                )
            else:
                summary = Sentence(
                    "{model} was off by {error} on average, the median of the group by {naive}, by its back-test",
                    arguments=said,
                )
            facts = (
                (Sentence("Model"), name), (Sentence("Records"), Sentence("{value}", value=record["scored"])),
            )  # fmt: skip
            yield Observation(
                {"dataset": dataset.name, "model": name}, error / naive, Words(summary, facts), f"/models?model={name}"
            )


_BY_DATASET: Mapping[Kind, Callable[[Connection, Sequence[Dataset], datetime | None], Iterator[Observation]]] = {
    Kind.FORECAST_ERROR: _forecast_errors,
    Kind.QUALITY_SCORE: _quality_scores,
    Kind.QUALITY_SHORTFALL: _quality_shortfalls,
    Kind.MODEL_ERROR: _model_errors,
}
"""Kinds that are looked at dataset by dataset, by the code of what they are about."""
