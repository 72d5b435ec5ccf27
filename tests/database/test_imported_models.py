"""ONNX graphs of others: run in a process with limits, tested, promoted by a person, used; what is none is refused."""

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from logistics_core.models.artefacts import ArtefactError
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.models import registry
from logistics_pipeline.models.imported import run_graph
from logistics_pipeline.models.updating import UnknownModel, import_model, update_model
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.model_records import DELIVERIES, as_csv, deliveries

pytest.importorskip("onnxruntime")

HOURS = "deliveries.hours"


# -- a graph as bytes: protobuf by hand, so that no further library is needed ------------------------------------------


def _field(number: int, payload: bytes | int | str) -> bytes:
    if isinstance(payload, int):
        return _varint(number << 3) + _varint(payload)
    data = payload.encode() if isinstance(payload, str) else payload
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _value(name: str) -> bytes:
    shape = _field(1, _field(2, "N")) + _field(1, _field(1, 1))
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, shape)))


def graph(operator: str, constant: float, source: str = "weight") -> bytes:
    """`source` and a constant, put together by an operator."""
    node = _field(1, source) + _field(1, "c") + _field(2, "hours") + _field(4, operator)
    initializer = _field(1, 1) + _field(2, 1) + _field(8, "c") + _field(9, np.float32(constant).tobytes())
    body = _field(1, node) + _field(2, "g") + _field(5, initializer) + _field(11, _value(source))
    return _field(1, 8) + _field(7, body + _field(12, _value("hours"))) + _field(8, _field(1, "") + _field(2, 13))


WEIGHTS = {"weight": np.array([[1.0], [2.0], [4.0]], dtype=np.float32)}


def test_a_graph_runs_in_a_process_of_its_own() -> None:
    assert run_graph(graph("Mul", 2.5), WEIGHTS, 3).tolist() == [2.5, 5.0, 10.0]


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        (b"no graph", {}),
        (b"", {}),
        (graph("Mul", 2.5, source="height"), {}),
        (graph("Mul", -1.0), {}),
        (graph("Mul", 2.5), {"memory_bytes": 64 << 20}),
    ],
)
def test_what_is_no_graph_of_such_records_is_refused(content: bytes, limits: dict[str, Any]) -> None:
    with pytest.raises(ArtefactError):
        run_graph(content, WEIGHTS, 3, **limits)


@pytest.mark.slow
def test_an_output_of_any_size_is_not_held_in_memory() -> None:
    """Three records become six million numbers, 48 MB."""
    node = _field(1, "weight") + _field(1, "c") + _field(2, "hours") + _field(4, "Expand")
    sizes = _field(1, 1) + _field(2, 7) + _field(8, "c") + _field(9, np.int64(2_000_000).tobytes())
    body = _field(1, node) + _field(2, "g") + _field(5, sizes) + _field(11, _value("weight"))
    content = _field(1, 8) + _field(7, body + _field(12, _value("hours"))) + _field(8, _field(1, "") + _field(2, 13))
    tracemalloc.start()
    try:
        with pytest.raises(ArtefactError, match="must give one number above 0 for each of 3 records"):
            run_graph(content, WEIGHTS, 3)
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()


def test_an_imported_version_is_tested_and_promoted_by_a_person(
    raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection
) -> None:
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    (contracts / "deliveries.yaml").write_text(DELIVERIES)
    options = replace(
        raw_folder.options,
        catalogue=synced_catalogue(raw_folder.url, contracts),
        batch=BatchLimits(100_000, 1 << 24),
        chunk_bytes=1 << 16,
    )
    folder = replace(raw_folder, options=options)

    def load(name: str, records: list[dict[str, Any]]) -> None:
        proportional = [each | {"hours": each["hours"] and round(each["weight"] / 4, 2)} for each in records]
        folder.drop_and_load(f"deliveries-{name}.csv", as_csv(proportional))
        refresh(folder.url)

    load("1", deliveries(40))
    update_model(folder.url, HOURS, settings=Settings())
    found = import_model(folder.url, HOURS, graph("Mul", 0.25), settings=Settings(), author="Ada")
    assert (found.version.method, found.version.format, found.is_promoted) == ("imported", "onnx", False)
    assert found.verdict.verdict == "better"
    assert found.overall["error"] < 0.1
    registry.promote(connection, HOURS, 2, "Ada", "It is exact")
    load("2", deliveries(1, start=40, hours=None))
    load("3", deliveries(1, start=41))
    used = update_model(folder.url, HOURS, settings=Settings(), trains=True)
    assert (used.version, used.predicted, used.scored) == (2, 24, 12)
    assert [(each.verdict.verdict, each.is_promoted) for each in used.trained] == [("equal", False)]
    row = connection.execute("SELECT max(abs(error)), max(version) FROM models.scores").fetchone()
    assert row is not None
    assert row[0] < 0.5
    assert row[1] == 2
    with pytest.raises(ArtefactError):
        import_model(folder.url, HOURS, b"no graph", settings=Settings(), author="Ada")
    with pytest.raises(UnknownModel, match="is no model of durations"):
        import_model(folder.url, "deliveries.price", b"", settings=Settings(), author="Ada")
