"""What a part of the benchmark is, and what it is given to work with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.database import Database
from bench.results import Findings


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark: its server, its temporary folder, and how much is wanted."""

    folder: Path
    """Everything in it goes away at the end. The loader's data folder."""
    database: Database
    scale: float = 1.0
    repeat: int | None = None

    def records(self, full: int) -> int:
        """How many records stand for `full` of them at this scale."""
        return max(1_000, round(full * self.scale))

    def repetitions(self, usual: int) -> int:
        return self.repeat or usual

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)


@dataclass(frozen=True)
class Part:
    """Something that can be measured by itself. `measure` leaves the tables in any state."""

    name: str
    """How `ONLY=` calls it, and the name of its file of results."""
    title: str
    explanation: str
    """Markdown for the page: what is measured, how, and what it means."""
    measure: Callable[[Bench], Findings]
