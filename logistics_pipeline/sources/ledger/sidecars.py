"""What a pull consists of, as a file beside its pages: with it, the archive alone is enough to make everything anew.

The first line is the pull with the definition it was made by, each further one a page. It is written when a pull ends.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.sources.ledger.pulls import PageRow, Pull

SUFFIX = ".ndjson"


def sidecar_path(archive_dir: Path, source: str, resource: str, pull_id: int) -> Path:
    """Where the sidecar of a pull is."""
    return archive_dir / "pulls" / source / resource / f"{pull_id:010}{SUFFIX}"


def write_sidecar(archive_dir: Path, pull: Pull, definition: Mapping[str, Any], pages: Iterable[PageRow]) -> None:
    """Writes the sidecar of a pull."""
    with replacing(sidecar_path(archive_dir, pull.source, pull.resource, pull.pull_id)) as file:
        file.write(_line({"pull": vars(pull), "definition": definition}))
        for page in pages:
            file.write(_line(vars(page)))


def read_sidecars(archive_dir: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The pull and the pages of each sidecar, in the order of the pulls."""
    paths = sorted((archive_dir / "pulls").glob(f"*/*/*{SUFFIX}"), key=lambda path: path.name)
    for path in paths:
        lines = path.read_bytes().splitlines()
        yield json.loads(lines[0])["pull"], [json.loads(line) for line in lines[1:]]


def _line(document: Any) -> bytes:
    return json.dumps(document, default=_text, ensure_ascii=False).encode() + b"\n"


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
