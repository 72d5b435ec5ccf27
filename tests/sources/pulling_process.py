"""Pulls one resource in a process of its own, which a test may kill: `python -m tests.sources.pulling_process`."""

import sys
from pathlib import Path

from logistics_pipeline.sources.definition import RestSource
from logistics_pipeline.sources.pulling import PullOptions, pull
from logistics_pipeline.sources.reading import read_definition


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
