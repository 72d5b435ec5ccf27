"""Versions that can predict, made from their artefacts. What a version is made of is checked before it is read."""

from collections.abc import Sequence
from typing import Protocol

from logistics_core.models.artefacts import ArtefactFormat
from logistics_core.models.durations import DurationModel, Prediction, read_duration
from logistics_core.models.odd_values import OddValuesModel, read_odd_values
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.models.boosting import BoostedPredictor
from logistics_pipeline.models.imported import GraphPredictor
from logistics_pipeline.models.records import Records
from logistics_pipeline.models.registry import RegistryError, Version, read_artefact


class DurationPredictor(Protocol):
    """Predicts durations of records."""

    def predict(self, records: Records, rows: Sequence[int]) -> list[Prediction]:
        """What is likely of some of the records."""


class DocumentPredictor:
    """A version that is a document of our own."""

    def __init__(self, model: DurationModel) -> None:
        self.model = model

    def predict(self, records: Records, rows: Sequence[int]) -> list[Prediction]:
        promises = records.promise.tolist()
        has_promise = self.model.document.promise is not None
        return [
            self.model.of_group(
                records.groups[int(records.group[row])],
                promises[row] if has_promise and promises[row] > 0 else None,
            )
            for row in rows
        ]


def load_duration(connection: Connection, version: Version) -> DurationPredictor:
    """The predictor of a version.

    Raises:
        ArtefactError: the artefact was changed, or is nothing that can predict.
        RegistryError: it was deleted, or its format needs a program that is not installed.
    """
    content = read_artefact(connection, version)
    if version.format == ArtefactFormat.JSON:
        return DocumentPredictor(read_duration(content))
    if version.format == ArtefactFormat.LIGHTGBM:
        return BoostedPredictor(content, read_artefact(connection, version, companion=True))
    if version.format == ArtefactFormat.ONNX:
        return GraphPredictor(content, read_artefact(connection, version, companion=True))
    raise RegistryError(f"The format {version.format} of {version.name} is not supported here.")


def load_odd_values(connection: Connection, version: Version) -> OddValuesModel:
    """A version that judges values.

    Raises:
        ArtefactError, RegistryError: as `load_duration`.
    """
    return read_odd_values(read_artefact(connection, version))
