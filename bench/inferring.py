"""Tools that find out what a CSV file holds, each in a process of its own, asked the same."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.peers import TYPE_FINDERS, TypeFinder
from bench.processes import Memory, python_module, watching

OURS = "this project"


@dataclass(frozen=True)
class Answer:
    """What a tool says about one file."""

    delimiter: str | None
    has_header: bool | None
    columns: list[tuple[str, str]]
    """Titles and types."""
    seconds: float
    cpu_seconds: float
    error: str | None = None
    questions: list[tuple[str, list[str]]] = field(default_factory=list)
    """The kind of each question, and the columns that it is about."""


@dataclass(frozen=True)
class Tool:
    """A tool, or the project itself."""

    title: str
    version: str
    reads: str
    command: Callable[[], list[str]]
    finds_dialect: bool = True
    finds_types: bool = True
    most_bytes: int = 1 << 30

    def ask(
        self, files: Sequence[tuple[Path, str]], repetitions: int = 1, *, memory: Memory | None = None
    ) -> list[Answer]:
        """Asks about files, each with the delimiter for tools that have to be told. Times are medians."""
        request = {
            "files": [[str(path), delimiter] for path, delimiter in files],
            "repetitions": repetitions,
            "warm_up": memory is None,
        }
        pipe = subprocess.PIPE
        with (
            subprocess.Popen(self.command(), text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process,
            watching(process.pid, memory or Memory()),
        ):
            output, errors = process.communicate(json.dumps(request))
        if process.returncode != 0:
            raise RuntimeError(f"{self.title} ended with status {process.returncode}:\n{errors[-2000:]}")
        return [_answer(each) for each in json.loads(output)]


def tools() -> list[Tool]:
    """The project and the others, whose packages are installed if they are not there yet."""
    for finder in TYPE_FINDERS:
        finder.install()
    ours = Tool(OURS, "", "8 MiB, or a sample", lambda: python_module("bench.run_inference"))
    return [ours, *map(_tool, TYPE_FINDERS)]


def _tool(finder: TypeFinder) -> Tool:
    return Tool(
        finder.title,
        f"{finder.package} {finder.version}",
        finder.reads,
        finder.command,
        finder.finds_dialect,
        finder.finds_types,
        finder.most_bytes,
    )


def _answer(found: dict[str, Any]) -> Answer:
    return Answer(
        found.get("delimiter"),
        found.get("has_header"),
        [(title, type) for title, type in found.get("columns", [])],
        median(found["seconds"]),
        median(found["cpu_seconds"]),
        found.get("error"),
        [(kind, columns) for kind, columns in found.get("questions", [])],
    )
