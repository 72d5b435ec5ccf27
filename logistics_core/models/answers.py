"""Answers of versions as JSON: what jobs store, and what the API says at once."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from logistics_core.models.artefacts import ArtefactError, ArtefactFormat
from logistics_core.models.durations import DurationModel, InputError, Prediction, read_duration
from logistics_core.models.odd_values import OddValuesModel, read_odd_values

DocumentModel = DurationModel | OddValuesModel
"""A version that is a document of our own."""


def read_document(kind: str, format: str, content: bytes) -> DocumentModel:
    """A version from its artefact.

    Raises:
        ArtefactError: it is no document of this kind.
    """
    if format != ArtefactFormat.JSON:
        raise ArtefactError(f"The format {format} is no document of our own.")
    return read_duration(content) if kind == "duration" else read_odd_values(content)


def answer(model: DocumentModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a version says of one record; `error` alone if an input is wrong."""
    try:
        found = model.predict(inputs)
    except InputError as error:
        return {"error": str(error)}
    return duration_answer(found) if isinstance(found, Prediction) else asdict(found)


def duration_answer(found: Prediction) -> dict[str, Any]:
    """A prediction of a duration as JSON."""
    return asdict(found) | {"quantiles": list(found.quantiles)}
