"""Responses about models."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from logistics_api.schemas import StrictModel
from logistics_core.database_contract.models import JobState, VersionState


class ModelBacktest(StrictModel):
    """How a version did on the newest records, each predicted from what was known before it."""

    backtest_id: int = Field(description="ID of the back-test", examples=[1])
    tested_at: datetime = Field(description="When, UTC")
    data_version: int = Field(description="Data version of the records", examples=[12])
    records: int = Field(description="Records that were predicted", examples=[19_000])
    verdict: Literal["first", "better", "equal", "worse"] = Field(description="Beside the version in production then")
    reason: str = Field(description="Why, in a sentence")
    overall: dict[str, Any] = Field(
        description="All windows together. Durations: `error` (mean absolute, in the unit of the field), "
        "`naive_error` (of "
        "the median of the group), `pinball`, `coverage_90`, ...; odd values: `precision` and `recall` of injected "
        "cases"
    )
    windows: list[dict[str, Any]] = Field(description="The same for each window of time")
    compared: list[dict[str, Any]] | None = Field(
        description="The same windows by the version in production then; null if there was none"
    )


class ModelVersion(StrictModel):
    """A version of a model."""

    version: int = Field(description="Its number", examples=[1])
    state: VersionState = Field(description="How far it is", examples=[VersionState.PRODUCTION])
    method: str = Field(description="How it was learnt", examples=["running_mean"])
    format: str = Field(description="Format of its artefact", examples=["logistics-json"])
    sha256: str = Field(description="SHA-256 of its artefact")
    data_version: int = Field(description="Data version of the records it was learnt from", examples=[12])
    code_version: str = Field(description="The program that has trained it", examples=["0.1.0+021b64cd7c70"])
    trained_on: int = Field(description="Records it was learnt from", examples=[95_000])
    first_day: date | None = Field(description="Day of the first of them")
    last_day: date | None = Field(description="Day of the last of them")
    author: str = Field(description="Who has trained it", examples=["pipeline"])
    created_at: datetime = Field(description="When, UTC")
    seconds: float = Field(description="How long that took", examples=[2.5])
    memory_bytes: int = Field(description="Highest resident memory of the process until then")
    outputs: dict[str, Any] = Field(description="Its outputs: field, unit, probabilities of the quantiles")
    backtest: ModelBacktest | None = Field(description="Its newest back-test; null without one")


class ModelDrift(StrictModel):
    """How far an input has moved from training."""

    input: str = Field(description="A field, or those of the group", examples=["weight"])
    psi: float = Field(
        description="Population stability index: above 0.25 records are of another kind", examples=[0.04]
    )
    records: int = Field(description="How many new records were compared", examples=[1_200])
    measured_at: datetime = Field(description="When, UTC")


class ModelTracked(StrictModel):
    """How right predictions were whose truth has arrived lately."""

    predictions: int = Field(description="How many were scored", examples=[400])
    ahead: int = Field(description="Of them, those made before the truth was known to the database", examples=[400])
    error: float | None = Field(description="Mean absolute error, in the unit of the field", examples=[1.9])
    naive_error: float | None = Field(description="The same of the median of the group", examples=[2.2])
    bias: float | None = Field(description="Mean error: above 0 where predictions were too high")
    pinball: float | None = Field(description="Mean pinball loss of the quantiles")
    coverage_80: float | None = Field(description="Share within the central 80 %", examples=[0.8])
    coverage_90: float | None = Field(description="Share within the central 90 %", examples=[0.9])
    late: int = Field(description="How many took longer than promised", examples=[31])
    expected_late: float | None = Field(description="Sum of their risks of being late", examples=[33.4])


class ModelSummary(StrictModel):
    """A model."""

    model: str = Field(description="Its name: dataset and name in the contract", examples=["shipments.delivery_time"])
    dataset: str = Field(description="The dataset", examples=["shipments"])
    kind: Literal["duration", "odd_values"] = Field(description="What it is for")
    declaration: dict[str, Any] = Field(description="What the contract asks for")
    is_held: bool = Field(description="Whether it was rolled back: nothing is promoted by itself until a person does")
    updated_at: datetime | None = Field(description="When new records were predicted last, UTC")
    data_version: int | None = Field(description="Data version of that", examples=[12])
    champion: ModelVersion | None = Field(description="The version in production; null if there is none")
    challenger: ModelVersion | None = Field(
        description="The newest version that was not promoted; null if there is none"
    )
    tracked: ModelTracked = Field(description="How right it was in the last 90 days")
    open: int = Field(description="Predictions whose truth is not known yet", examples=[120])
    odd: int = Field(description="What is odd now", examples=[3])
    drift: list[ModelDrift] = Field(description="How far inputs have moved from training, the farthest first")


class ModelList(StrictModel):
    """All models."""

    models: list[ModelSummary]


class ModelDetails(StrictModel):
    """A model with its versions."""

    model: ModelSummary
    versions: list[ModelVersion] = Field(description="The newest first, at most 100")


class ModelCard(ModelVersion):
    """A version with its card and what it takes in."""

    model: str = Field(description="The model", examples=["shipments.delivery_time"])
    card: dict[str, Any] = Field(description="Purpose, data, method, limits")
    inputs: list[dict[str, Any]] = Field(
        description="Its inputs: fields with type, unit and the range seen in training"
    )


class ModelTransition(StrictModel):
    """A change of the state of a version."""

    version: int = Field(examples=[2])
    from_state: VersionState
    to_state: VersionState
    author: str = Field(examples=["pipeline"])
    reason: str
    backtest_id: int | None = Field(description="The back-test that has justified it; production requires one")
    changed_at: datetime


class ModelPeriod(StrictModel):
    """When a version was champion, that is in production, or challenger."""

    alias: Literal["champion", "challenger"]
    version: int = Field(examples=[1])
    since: datetime
    until: datetime | None = Field(description="null: still")
    author: str
    reason: str
    backtest_id: int | None


class ModelHistory(StrictModel):
    """What became of versions."""

    model: str = Field(examples=["shipments.delivery_time"])
    in_production: int | None = Field(description="The version in production at that moment; null if none was")
    transitions: list[ModelTransition] = Field(description="Changes until then, the newest first")
    aliases: list[ModelPeriod] = Field(description="Periods that began until then, the newest first")


class ModelWeek(StrictModel):
    """Predictions of records that began in one week."""

    week: date = Field(description="Its Monday")
    predictions: int
    error: float | None
    naive_error: float | None
    bias: float | None
    pinball: float | None
    coverage_90: float | None
    late: int
    expected_late: float | None


class ModelAccuracy(StrictModel):
    """How right a model was."""

    model: str = Field(examples=["shipments.delivery_time"])
    tracked: ModelTracked = Field(description="Of the last 90 days together")
    weeks: list[ModelWeek] = Field(description="By week in which records began")


class ModelPrediction(StrictModel):
    """What was predicted of a record, as it was first said."""

    key: list[Any] = Field(description="The key of the record", examples=[["SHP-000042"]])
    version: int = Field(examples=[1])
    started_on: date = Field(description="Its day")
    inputs: dict[str, Any] = Field(description="What it was predicted from")
    quantiles: list[float] = Field(description="By the probabilities of the version, in the unit of the field")
    promise: float | None = Field(description="What was promised, or counts as on time")
    late_risk: float | None = Field(description="Probability of taking longer than that", examples=[0.12])
    naive: float = Field(description="The median of its group")
    predicted_at: datetime
    is_ahead: bool = Field(description="Whether the truth was not known to the database then")
    actual: float | None = Field(description="What came true; null until it is known")
    actual_at: datetime | None


class ModelPredictions(StrictModel):
    """Predictions of a model."""

    model: str = Field(examples=["shipments.delivery_time"])
    total: int = Field(description="How many there are", examples=[120])
    predictions: list[ModelPrediction]


class OddValue(StrictModel):
    """A value that is odd now, of a record or of a group lately."""

    subject: Literal["record", "group"]
    key: list[Any] = Field(description="The key of the record, or the values of the group")
    version: int
    day: date
    actual: float = Field(description="The value; of a group, the geometric mean")
    expected: float = Field(description="What is usual")
    effect: float = Field(description="Actual divided by expected", examples=[2.1])
    score: float = Field(description="How many usual deviations that is", examples=[9.0])
    records: int
    reason: str = Field(description="Why, in a sentence")
    data_version: int
    found_at: datetime


class OddValues(StrictModel):
    """What a model finds odd."""

    model: str = Field(examples=["shipments.cost"])
    total: int = Field(examples=[3])
    odd_values: list[OddValue]


class ModelJob(StrictModel):
    """Predictions that were asked for."""

    job_id: str = Field(examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"])
    model: str = Field(examples=["shipments.delivery_time"])
    version: int | None = Field(description="The version that answers; null until it starts, if none was asked for")
    state: JobState = Field(examples=[JobState.QUEUED])
    is_final: bool = Field(description="Whether it has ended")
    rows: int = Field(examples=[1_000])
    rows_done: int = Field(description="Rows whose results are stored", examples=[0])
    attempts: int = Field(description="How often a worker has begun with it", examples=[0])
    requested_by: str = Field(examples=["anonymous"])
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    queue_seconds: float = Field(description="How long it waited, or waits already", examples=[0.2])
    seconds: float | None = Field(description="How long it has computed")
    memory_bytes: int | None = Field(description="Highest resident memory of the worker")
    error: str | None = Field(description="Why it has failed")
    status_url: str = Field(description="Address of this job")
    result_url: str | None = Field(description="Address of the results; null until they are there")


class ModelJobRequest(StrictModel):
    """What a job is to predict."""

    rows: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=100_000,
        description="One object of inputs per row, as the version's `inputs` names them",
    )
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="A version; that in production if omitted")


class ModelJobResult(StrictModel):
    """Results of a job, one per row in their order."""

    model: str
    rows: int = Field(description="Rows of the job")
    first: int = Field(description="Number of the first result here, from 0")
    results: list[dict[str, Any]] = Field(
        description="Durations: `quantiles`, `promise`, `late_risk`, `naive`; odd values: `expected`, `effect`, "
        "`score`, "
        "`is_odd`; or `error` where an input was wrong"
    )
