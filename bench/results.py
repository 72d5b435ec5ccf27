"""What a part found, in numbers, and where it is kept: one JSON file per part under `bench/results/`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "results"

Kind = Literal["text", "count", "rate", "ratio", "seconds", "ms", "MiB", "percent"]
"""What a column holds, and so how it is written: a rate is in records per second."""

Cell = str | float | int | None


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    title: str
    columns: Sequence[Column]
    rows: list[list[Cell]]


@dataclass(frozen=True)
class Target:
    """A figure that was promised, and what became of it."""

    what: str
    kind: Kind
    sense: Literal["at least", "at most"]
    wanted: float
    measured: float

    @property
    def is_met(self) -> bool:
        return self.measured >= self.wanted if self.sense == "at least" else self.measured <= self.wanted


@dataclass(frozen=True)
class Findings:
    """The outcome of one part."""

    tables: list[Table]
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences about this run; what holds for every run is in the part's explanation."""


@dataclass(frozen=True)
class Result:
    """A part's findings, when they were made and on what."""

    part: str
    measured_on: str
    minutes: float
    stolen_percent: float | None
    """CPU time that the host gave to other machines meanwhile; None where the system does not tell."""
    environment: dict[str, str]
    findings: Findings


def save(result: Result, folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(result), indent=1, ensure_ascii=False)
    (folder / f"{result.part}.json").write_text(text + "\n")


def load(part: str, folder: Path = FOLDER) -> Result | None:
    """The latest recorded result of a part; None if it was never recorded."""
    path = folder / f"{part}.json"
    return _result(json.loads(path.read_text())) if path.exists() else None


def _result(document: dict[str, Any]) -> Result:
    findings = document["findings"]
    tables = [
        Table(table["title"], [Column(**column) for column in table["columns"]], table["rows"])
        for table in findings["tables"]
    ]
    targets = [Target(**target) for target in findings["targets"]]
    return Result(**{**document, "findings": Findings(tables, targets, findings["notes"])})
