"""What is checked of models: they beat the naive method, hold what came true, know such inputs, are not old."""

from collections.abc import Iterator
from functools import partial

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.models import DURATION, DeclaredModel
from logistics_core.settings import Settings
from logistics_pipeline.analytics.checks.model import Check, Finding
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.models.drift import MOVED
from logistics_pipeline.models.track_record import ENOUGH_SCORED, TRACKED_DAYS, record_of
from logistics_pipeline.models.updating import due_models

SCHEMA = "models"
"""What the assets and checks of models are called, before the name of the model."""

LOWEST_COVERAGE, HIGHEST_COVERAGE = 0.80, 0.97
"""Of the central 90 %."""
TOLERANCE = 1.02
"""As good as the median of the group: where groups have hundreds of like records, nothing is better."""
LEAST_PRECISION, LEAST_RECALL = 0.5, 0.5
"""Of injected cases."""
GRACE_SECONDS = 3_600


def model_checks(catalogue: Catalogue, settings: Settings) -> list[Check]:
    """The checks of all models that contracts ask for."""
    return [
        check
        for dataset in catalogue.values()
        for model in dataset.models
        for check in _checks_of(dataset, model, settings)
    ]


def _checks_of(dataset: Dataset, model: DeclaredModel, settings: Settings) -> Iterator[Check]:
    name = model.full_name(dataset.name)
    decides = f"Of the last {TRACKED_DAYS} days, or in the back-test as long as fewer than {ENOUGH_SCORED} were scored"
    if model.kind == DURATION:
        yield Check(
            SCHEMA, name, better_than_naive.__name__,
            f"{decides}, predictions have no higher error than the median of the group, by 2 % or more.",
            partial(better_than_naive, name),
        )  # fmt: skip
        yield Check(
            SCHEMA, name, coverage.__name__,
            f"{decides}, {LOWEST_COVERAGE:.0%} to {HIGHEST_COVERAGE:.0%} of what came true was within the 90 % "
            f"intervals.",
            partial(coverage, name),
        )  # fmt: skip
        yield Check(
            SCHEMA, name, drift.__name__,
            f"The inputs of new records are like those in training: no population stability index is above {MOVED}.",
            partial(drift, name),
        )  # fmt: skip
    else:
        yield Check(
            SCHEMA, name, finds_injected.__name__,
            f"In the back-test, at least {LEAST_PRECISION:.0%} of what was called odd was injected, and at least "
            f"{LEAST_RECALL:.0%} of what was injected was found.",
            partial(finds_injected, name),
        )  # fmt: skip
    yield Check(
        SCHEMA, name, fresh.__name__, "The newest records were looked at, or will be in a moment.",
        partial(fresh, dataset, model, settings),
    )  # fmt: skip


def better_than_naive(name: str, connection: Connection, whole: bool) -> Finding:
    """The error is no higher than that of the median of the group. Cost: reads the scores of some weeks."""
    found = record_of(connection, name)
    if found is None or found.get("error") is None or found.get("naive_error") is None:
        return Finding.passing("Nothing was scored yet.", {})
    figures = {key: found[key] for key in ("error", "naive_error", "scored", "is_tracked")}
    if found["error"] > TOLERANCE * found["naive_error"]:
        return Finding.warning(
            f"The median of the group was better: {found['naive_error']:,.3g} off on average, the model "
            f"{found['error']:,.3g}. `logistics models rollback {name}` takes the version before.",
            figures,
        )
    return Finding.passing("The error is no higher than that of the median of the group.", figures)


def coverage(name: str, connection: Connection, whole: bool) -> Finding:
    """The intervals hold about as much as they say. Cost: as `better_than_naive`."""
    found = record_of(connection, name)
    share = None if found is None else found.get("coverage_90")
    if found is None or share is None:
        return Finding.passing("Nothing was scored yet.", {})
    figures = {"coverage_90": share, "scored": found["scored"], "is_tracked": found["is_tracked"]}
    if not LOWEST_COVERAGE <= share <= HIGHEST_COVERAGE:
        return Finding.warning(
            f"The 90 % intervals held {share:.0%} of what came true. They become wider or narrower with each training.",
            figures,
        )
    return Finding.passing("The 90 % intervals hold about as much as they say.", figures)


def drift(name: str, connection: Connection, whole: bool) -> Finding:
    """No input has moved far from training. Cost: reads a row per input."""
    rows = connection.execute(
        "SELECT drift.input, drift.psi FROM models.drift AS drift INNER JOIN models.versions AS versions "
        "ON drift.model = versions.model AND drift.version = versions.version "
        "WHERE drift.model = %s AND versions.state = 'production' ORDER BY drift.psi DESC",
        (name,),
    ).fetchall()
    moved = [f"{each} ({psi:.2f})" for each, psi in rows if psi > MOVED]
    if moved:
        return Finding.warning(
            f"New records are of another kind than those in training: {', '.join(moved)}. Look at them; the next "
            "training learns from them.",
            dict(rows),
        )
    return Finding.passing("The inputs of new records are like those in training.", dict(rows))


def finds_injected(name: str, connection: Connection, whole: bool) -> Finding:
    """What is injected into the past is found. Cost: reads a row."""
    found = record_of(connection, name)
    if found is None or found.get("recall") is None:
        return Finding.passing("Nothing was tested yet.", {})
    figures = {key: found.get(key) for key in ("precision", "recall", "injected")}
    if (found.get("precision") or 0) < LEAST_PRECISION or found["recall"] < LEAST_RECALL:
        return Finding.warning(
            f"Of what was called odd in the back-test, {found.get('precision') or 0:.0%} was injected; of what was "
            f"injected, {found['recall']:.0%} was found. Name fields that explain the value in `per`, or raise "
            f"`minEffect`.",
            figures,
        )
    return Finding.passing("What is injected into the past is found.", figures)


def fresh(dataset: Dataset, model: DeclaredModel, settings: Settings, connection: Connection, whole: bool) -> Finding:
    """The newest records were looked at. Cost: reads some rows."""
    row = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - updated_at)::double precision FROM models.models WHERE model = "
        "%s",
        (model.full_name(dataset.name),),
    ).fetchone()
    if row is None or row[0] is None:
        return Finding.passing("The model was not looked at yet.", {})
    hours = round(row[0] / 3600, 2)
    catalogue = Catalogue({dataset.name: dataset})
    due = [
        each.reason
        for each in due_models(connection, catalogue, settings)
        if each.model == model.full_name(dataset.name)
    ]
    if due and row[0] > GRACE_SECONDS:
        return Finding.warning(
            f"The model was used {hours:,.1f} hours ago, and {due[0]}: see the runs of models_job.",
            {"hours_since_update": hours},
        )
    return Finding.passing("The newest records were looked at, or will be in a moment.", {"hours_since_update": hours})
