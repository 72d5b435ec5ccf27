"""Has a tool propose types for files, and prints what it finds and how long that takes. Imports nothing of the project.

Started with the Python of the tool's environment. Standard input is a JSON document: `files`, a list of path and
delimiter (for tools that have to be told), `repetitions`, and `warm_up`: whether to read the first file once before.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable

Propose = Callable[[str, str], dict[str, object]]


def main() -> None:
    module, _, function = sys.argv[1].partition(".")
    answer(getattr(importlib.import_module(module), function))


def answer(propose: Propose) -> None:
    """Answers the request on standard input."""
    request = json.load(sys.stdin)
    if request["warm_up"]:
        path, delimiter = request["files"][0]
        _propose(propose, path, delimiter, 1)
    answers = [_propose(propose, path, delimiter, request["repetitions"]) for path, delimiter in request["files"]]
    sys.stdout.write(json.dumps(answers))


def _propose(propose: Propose, path: str, delimiter: str, repetitions: int) -> dict[str, object]:
    seconds, cpu_seconds = [], []
    found: dict[str, object] = {}
    for _ in range(repetitions):
        since, cpu_since = time.perf_counter(), time.process_time()
        try:
            found = propose(path, delimiter)
        except Exception as error:  # noqa: BLE001 - what a tool cannot read is an answer, whatever it raises
            found = {"error": f"{type(error).__name__}: {error}"[:500]}
        seconds.append(time.perf_counter() - since)
        cpu_seconds.append(time.process_time() - cpu_since)
    return {**found, "seconds": seconds, "cpu_seconds": cpu_seconds}


if __name__ == "__main__":
    main()
