"""Models of durations that others have trained, as ONNX graphs (an extra): run in a process of their own, with limits.

A graph takes in tensors of the shape [records, 1], named as the fields of `by` (texts) and `per` (numbers, NaN if
missing), all or some of them, and gives out the expected duration of each record, in the unit of the field. Intervals
are those of the last residuals, as for the other methods; the running means say how wide they are.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from logistics_core.models.artefacts import ArtefactError, ArtefactFormat
from logistics_core.models.durations import DurationModel, Prediction, read_duration, write_duration
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.models import backtesting
from logistics_pipeline.models.arrays import FloatArray
from logistics_pipeline.models.backtesting import Predicted
from logistics_pipeline.models.learning import duration_document
from logistics_pipeline.models.records import Records
from logistics_pipeline.models.registry import Version
from logistics_pipeline.models.training import Candidate, Past

IMPORTED = "imported"
MEMORY_BYTES = 2 << 30
CPU_SECONDS = 60
_ERROR_CHARACTERS = 300


def run_graph(
    content: bytes,
    inputs: dict[str, Any],
    records: int,
    *,
    memory_bytes: int = MEMORY_BYTES,
    cpu_seconds: int = CPU_SECONDS,
) -> FloatArray:
    """(records,) The first output of a graph. It runs in a process of its own, which the system ends beyond its limits.

    Raises:
        ConfigurationError: the extra is not installed.
        ArtefactError: it is no graph, needs other inputs, is beyond its limits, or gives no number above 0 per record.
    """
    if find_spec("onnxruntime") is None:
        raise ConfigurationError("ONNX Runtime is not installed: pip install 'logistics-analytics-platform[onnx]'.")
    with tempfile.TemporaryDirectory(prefix="logistics-onnx-") as name:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(content)
        np.savez(folder / "inputs.npz", **inputs)
        command = [sys.executable, "-m", "logistics_pipeline.models.onnx_worker", name]
        try:
            done = subprocess.run(
                [*command, str(memory_bytes), str(cpu_seconds)],
                capture_output=True,
                timeout=4 * cpu_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ArtefactError(f"The graph ran for more than {4 * cpu_seconds} seconds and was ended.") from error
        output = folder / "output.npy"
        if done.returncode != 0 or not output.exists():
            raise ArtefactError(
                f"The graph does not run within {cpu_seconds} CPU seconds and "
                f"{memory_bytes >> 20:,} MiB: {_last_words(done)}"
            )
        written: FloatArray = np.load(output, mmap_mode="r", allow_pickle=False)  # whatever size it has
        found: FloatArray = np.array(written if written.shape == (records,) else [])
    if found.shape != (records,) or not (np.isfinite(found) & (found > 0)).all():
        raise ArtefactError(f"The graph must give one number above 0 for each of {records:,} records.")
    return found


def _last_words(done: "subprocess.CompletedProcess[bytes]") -> str:
    if done.returncode < 0:
        return f"the system has ended it (signal {-done.returncode})."
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1][-_ERROR_CHARACTERS:] if lines else f"exit code {done.returncode}."


def tensors(by: Sequence[str], per: Sequence[str], records: Records, rows: Sequence[int]) -> dict[str, Any]:
    """The inputs of a graph for some records."""
    groups = [records.groups[int(records.group[row])] for row in rows]
    found: dict[str, Any] = {
        name: np.array([["" if key[place] is None else str(key[place])] for key in groups])
        for place, name in enumerate(by)
    }
    inputs = records.inputs[rows].astype(np.float32)
    return found | {name: inputs[:, [place]] for place, name in enumerate(per)}


class Imported:
    """The method of a version that others have trained: its graph, and intervals from what it has missed."""

    name = IMPORTED

    def __init__(self, content: bytes) -> None:
        self._content = content

    def candidate(self, past: Past) -> Candidate:
        setting = past.best_setting()
        running = backtesting.expect(past.durations, past.sums, setting)
        rows = list(range(len(past.records)))
        expected = run_graph(self._content, tensors(past.model.by, past.model.per, past.records, rows), len(rows))
        predicted = backtesting.predict(past.durations, np.log(expected), running.spread)

        def make() -> tuple[ArtefactFormat, bytes, bytes, dict[str, Any]]:
            document = duration_document(past.durations, past.model, past.unit, setting, running, predicted)
            says = {
                "method": "An ONNX graph that others have trained. Its back-test is honest only if it has not learnt "
                "from "
                "the records of the windows.",
            }
            return ArtefactFormat.ONNX, self._content, write_duration(document), says

        return Candidate(self.name, predicted, make)

    def again(self, past: Past, version: Version) -> Predicted | None:
        """Its graph is not at hand here: a person decides what takes its place."""
        return None


class GraphPredictor:
    """A version that predicts records."""

    def __init__(self, content: bytes, document: bytes) -> None:
        self._content = content
        self._model: DurationModel = read_duration(document)

    def predict(self, records: Records, rows: Sequence[int]) -> list[Prediction]:
        """What is likely of some of the records."""
        if not rows:
            return []
        document, model = self._model.document, self._model
        expected = run_graph(self._content, tensors(document.by, document.per, records, rows), len(rows))
        found = []
        for row, mean in zip(rows, np.log(expected).tolist(), strict=True):
            group = model.group_of(records.groups[int(records.group[row])])
            promise = float(records.promise[row]) if document.promise and records.promise[row] > 0 else None
            if document.promise is None:
                promise = group.usual + document.margin
            found.append(model.spread_around(mean, group, promise))
        return found
