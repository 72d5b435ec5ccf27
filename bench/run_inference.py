"""The project's own inference, in a process of its own, asked as the other tools are. Started by `bench.inferring`."""

from pathlib import Path

from bench.peers.propose import answer
from logistics_pipeline.inference.propose import propose


def _propose(path: str, _delimiter: str) -> dict[str, object]:
    found = propose(Path(path))
    dialect = found.dialect
    return {
        "delimiter": dialect.delimiter if dialect else None,
        "has_header": dialect.has_header if dialect else None,
        "columns": [[each.title, str(each.type)] for each in found.columns],
        "questions": [[each.kind, each.columns] for each in found.questions],
    }


if __name__ == "__main__":
    answer(_propose)
