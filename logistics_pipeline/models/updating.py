"""Brings a model up to date: scores what came true, predicts what is new, trains if due. Independent of Dagster.

Everything is done in one transaction, from one snapshot of the records, by one process at a time per model.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.models import DURATION, DeclaredModel
from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.locks import model_lock
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection, advisory_lock, connect, transient_errors
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.models import odd_values, predicting, registry, training
from logistics_pipeline.models.backtesting import TooFewRecords
from logistics_pipeline.models.boosting import Boosting
from logistics_pipeline.models.imported import Imported
from logistics_pipeline.models.predictors import load_duration, load_odd_values
from logistics_pipeline.models.registry import Version
from logistics_pipeline.models.training import Method, RunningMeans, Trained


class UnknownModel(PipelineError):
    """No contract asks for a model of this name."""


@dataclass(frozen=True)
class Updated:
    """What was done about a model."""

    model: str
    data_version: int
    version: int | None
    """In production afterwards."""
    predicted: int = 0
    scored: int = 0
    trained: tuple[Trained, ...] = ()
    drift: dict[str, float] | None = None
    odd: int = 0
    """Values that are odd now."""
    skipped: str | None = None
    """Why nothing was trained, although it was due."""
    seconds: float = 0.0


def methods_of_durations(challenger: str = "none") -> dict[str, Method]:
    """The methods that are trained, the champion to beat first."""
    found: dict[str, Method] = {RunningMeans.name: RunningMeans()}
    return found | ({Boosting.name: Boosting()} if challenger == Boosting.name else {})


def find_model(catalogue: Catalogue, name: str) -> tuple[Dataset, DeclaredModel]:
    """A model by its name, such as `shipments.delivery_time`, and its dataset.

    Raises:
        UnknownModel: no contract asks for it.
    """
    for dataset in catalogue.values():
        for model in dataset.models:
            if model.full_name(dataset.name) == name:
                return dataset, model
    known = ", ".join(names_of(catalogue)) or "none"
    raise UnknownModel(f"No contract asks for a model {name!r}. There are: {known}.")


def names_of(catalogue: Catalogue) -> list[str]:
    """All models that contracts ask for."""
    return [model.full_name(dataset.name) for dataset in catalogue.values() for model in dataset.models]


def update_model(
    url: str,
    name: str,
    *,
    settings: Settings,
    author: str = registry.PIPELINE,
    trains: bool | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> Updated:
    """Scores, predicts and, if it is due, trains a model. A second process waits for the first.

    Args:
        trains: whether to train; None if that depends on what has changed since.

    Raises:
        UnknownModel: no contract asks for it.
        TransientError: the database went away; nothing was changed.
    """
    started = perf_counter()
    with _only_one(url, name, on_wait) as connection:
        catalogue = catalogue_in_force(connection)
        dataset, model = find_model(catalogue, name)
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            registry.declare(connection, dataset.name, model)
            update = _Update(connection, dataset, catalogue, model, settings, author)
            found = update.run(trains)
            connection.execute("SELECT pg_notify(%s, %s)", (Channel.MODELS, name))
    return Updated(**{**found, "seconds": perf_counter() - started})


def import_model(url: str, name: str, content: bytes, *, settings: Settings, author: str) -> Trained:
    """Stores an ONNX graph as a version of a model of durations, with its back-test. A person promotes it.

    Raises:
        UnknownModel: no contract asks for the model, or it is none of durations.
        ArtefactError: the graph does not run within its limits, or gives no duration for each record.
        RegistryError: there are too few records to test it.
    """
    with _only_one(url, name, lambda: None) as connection:
        catalogue = catalogue_in_force(connection)
        dataset, model = find_model(catalogue, name)
        if model.kind != DURATION:
            raise UnknownModel(f"{name} is no model of durations: a graph cannot be imported for it.")
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            registry.declare(connection, dataset.name, model)
            try:
                past = training.read_past(connection, dataset, catalogue, model, data_version_of(connection))
            except TooFewRecords as error:
                raise registry.RegistryError(f"A version of {name} cannot be tested yet: {error}") from error
            methods = methods_of_durations(settings.model_challenger)
            return training.train(connection, past, Imported(content), methods, author, may_promote=False)


@contextmanager
def _only_one(url: str, name: str, on_wait: Callable[[], None]) -> Iterator[Connection]:
    with (
        transient_errors("updating a model"),
        connect(url, application_name="logistics models") as connection,
        advisory_lock(connection, model_lock(name), on_wait),
    ):
        yield connection


class _Update:
    """One update of a model, within a transaction."""

    def __init__(
        self,
        connection: Connection,
        dataset: Dataset,
        catalogue: Catalogue,
        model: DeclaredModel,
        settings: Settings,
        author: str,
    ) -> None:
        self.connection, self.dataset, self.catalogue, self.model = connection, dataset, catalogue, model
        self.settings, self.author = settings, author
        self.name = model.full_name(dataset.name)
        self.data_version = data_version_of(connection)

    def run(self, trains: bool | None) -> dict[str, Any]:
        found: dict[str, Any] = {"model": self.name, "data_version": self.data_version}
        if self.model.kind == DURATION:
            found |= self._use()
            found |= self._train(trains, self._train_durations)
            if found.get("trained"):
                found |= self._use(found)  # what the version before could not predict, or was not there to
        else:
            found |= self._train(trains, self._train_odd_values) | self._find_odd()
        found["version"] = (now := registry.in_production(self.connection, self.name)) and now.version
        note_update(self.connection, self.name, self.data_version)
        return found

    def _use(self, before: dict[str, Any] | None = None) -> dict[str, Any]:
        before = before or {"predicted": 0, "scored": 0}
        version = registry.in_production(self.connection, self.name)
        if version is None:
            return {"predicted": 0, "scored": 0}
        started, cpu = perf_counter(), process_time()
        predictor = load_duration(self.connection, version)
        records, rows = predicting.new_records(self.connection, self.dataset, self.catalogue, self.model, version)
        execution = store_execution(self.connection, version, "score", self.data_version, len(rows))
        predicting.predict_new(self.connection, self.dataset, self.model, version, predictor, records, rows, execution)
        scored = predicting.score(self.connection, self.dataset, self.model, self.data_version)
        moved = predicting.store_drift(self.connection, self.dataset, self.model, version, records.of(rows))
        end_execution(self.connection, execution, scored, perf_counter() - started, process_time() - cpu)
        return {
            "predicted": before["predicted"] + len(rows),
            "scored": before["scored"] + scored,
            "drift": moved or before.get("drift"),
        }

    def _train(self, trains: bool | None, train: Callable[[], tuple[Trained, ...]]) -> dict[str, Any]:
        if trains is None:
            trains = due_to_train(self.connection, self.dataset, self.model, self.settings) is not None
        if not trains:
            return {}
        started, cpu = perf_counter(), process_time()
        try:
            trained = train()
        except TooFewRecords as error:
            return {"skipped": str(error)}
        for each in trained:
            execution = store_execution(self.connection, each.version, "train", self.data_version, each.records)
            end_execution(self.connection, execution, 0, perf_counter() - started, process_time() - cpu)
        return {"trained": trained}

    def _train_durations(self) -> tuple[Trained, ...]:
        past = training.read_past(self.connection, self.dataset, self.catalogue, self.model, self.data_version)
        methods = methods_of_durations(self.settings.model_challenger)
        return tuple(
            training.train(self.connection, past, method, methods, self.author, may_promote=self._may_promote)
            for method in methods.values()
        )

    def _train_odd_values(self) -> tuple[Trained, ...]:
        records = odd_values.read_values(self.connection, self.dataset, self.catalogue, self.model)
        return (
            odd_values.train(
                self.connection, self.dataset, self.catalogue, self.model, records, self.data_version, self.author,
                may_promote=self._may_promote,
            ),
        )  # fmt: skip

    @property
    def _may_promote(self) -> bool:
        return self.settings.model_promotion == "auto"

    def _find_odd(self) -> dict[str, Any]:
        version = registry.in_production(self.connection, self.name)
        if version is None:
            return {}
        started, cpu = perf_counter(), process_time()
        judge = load_odd_values(self.connection, version)
        records = odd_values.read_values(self.connection, self.dataset, self.catalogue, self.model)
        found = odd_values.find_odd(self.dataset, self.catalogue, self.model, judge, records)
        odd_values.store_findings(self.connection, self.name, version, found, self.data_version)
        execution = store_execution(self.connection, version, "score", self.data_version, len(records))
        end_execution(self.connection, execution, len(found), perf_counter() - started, process_time() - cpu)
        return {"odd": len(found)}


def data_version_of(connection: Connection) -> int:
    """That of the snapshot."""
    row = connection.execute("SELECT data_version FROM analytics.status").fetchone()
    assert row is not None
    return int(row[0])


def store_execution(connection: Connection, version: Version, kind: str, data_version: int, rows: int) -> int:
    """Stores that a version was trained or used; returns the number of the execution, which has not ended yet."""
    row = connection.execute(
        "INSERT INTO models.executions (model, version, kind, data_version, rows, seconds, cpu_seconds, memory_bytes) "
        "VALUES (%s, %s, %s, %s, %s, 0, 0, 0) RETURNING execution_id",
        (version.model, version.version, kind, data_version, rows),
    ).fetchone()
    assert row is not None
    return int(row[0])


def end_execution(connection: Connection, execution_id: int, scored: int, seconds: float, cpu_seconds: float) -> None:
    """Stores what an execution has cost."""
    connection.execute(
        "UPDATE models.executions SET scored = %s, seconds = %s, cpu_seconds = %s, memory_bytes = %s, "
        "finished_at = clock_timestamp() WHERE execution_id = %s",
        (scored, seconds, cpu_seconds, training.highest_memory(), execution_id),
    )


def note_update(connection: Connection, name: str, data_version: int) -> None:
    """Notes of which figures a model is."""
    connection.execute(
        "UPDATE models.models SET updated_at = clock_timestamp(), data_version = %s WHERE model = %s",
        (data_version, name),
    )


# -- when -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """Why a model is to be brought up to date."""

    model: str
    reason: str


def due_models(connection: Connection, catalogue: Catalogue, settings: Settings) -> list[Due]:
    """The models whose records, contract or program have changed since."""
    known = {
        model: (version, newest)
        for model, version, newest in connection.execute(
            "SELECT model, data_version, (SELECT data_version FROM analytics.status) FROM models.models"
        )
    }
    figures = connection.execute("SELECT data_version FROM analytics.status").fetchone()
    if figures is None or not figures[0]:
        return []
    found = []
    for dataset in catalogue.values():
        for model in dataset.models:
            name = model.full_name(dataset.name)
            reason = _reason(connection, dataset, model, known.get(name), settings)
            if reason is not None:
                found.append(Due(name, reason))
    return found


def _reason(
    connection: Connection,
    dataset: Dataset,
    model: DeclaredModel,
    known: tuple[int | None, int] | None,
    settings: Settings,
) -> str | None:
    if known is None or known[0] is None:
        return "it was never looked at"
    if known[0] != known[1]:  # another number, not a larger one: a restored database counts anew
        return "the records have changed"
    version = registry.in_production(connection, model.full_name(dataset.name))
    if version is not None and version.declaration != training.fingerprint_of(dataset, model):
        return due_to_train(connection, dataset, model, settings)
    return None


def due_to_train(connection: Connection, dataset: Dataset, model: DeclaredModel, settings: Settings) -> str | None:
    """Why a model is to be trained; None if it is not: its contract has changed, or its last training is long ago."""
    row = connection.execute(
        "SELECT declaration, data_version, extract(epoch FROM clock_timestamp() - created_at)::double precision "
        "FROM models.versions WHERE model = %s ORDER BY version DESC LIMIT 1",
        (model.full_name(dataset.name),),
    ).fetchone()
    if row is None:
        return "it was never trained"
    declaration, data_version, age = row
    if declaration != training.fingerprint_of(dataset, model):
        return "the contract has changed"
    if age < settings.model_interval or data_version == data_version_of(connection):
        return None
    return "the records have changed since it was trained"
