"""Pulls one resource in a process of its own, which a test may kill: `python -m tests.sources.pulling_process`."""

import sys
from pathlib import Path

from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.definitions.reading import read_definition
from logistics_pipeline.sources.pulls.pulling import PullOptions, pull


def main(url: str, definition: str, data: str) -> None:
    """Prints the state of the pull, and its pages."""
    source = read_definition(Path(definition))
    assert isinstance(source, RestSource)
    options = PullOptions(Path(data) / "raw", Path(data) / "archive")
    print("begun", flush=True)
    report = pull(url, source, source.names[0], options)
    print(report.pull.state, report.pull.pages, report.pull.error, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
