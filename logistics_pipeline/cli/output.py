"""How commands speak: to people on standard error and in tables, to programs as one JSON document per line."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from logistics_pipeline.ledger import LedgerFile

_UNBOUNDED = 10_000
"""Columns of a line that nobody looks at but a program: nothing is folded."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _UNBOUNDED)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A sentence for the person at the terminal, not part of the result."""
    errors.print(text, markup=False)


def print_json(document: dict[str, Any]) -> None:
    """One line per document."""
    print(json.dumps(document, ensure_ascii=False, default=str), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Iterable[str] = ()) -> None:
    """A table for people; columns in `numeric` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_number = column in set(numeric)
        table.add_column(column, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def load_result(file: LedgerFile, path: Path) -> dict[str, Any]:
    """What `logistics load --json` says of a file; the fields are the command's contract."""
    return {
        "file": str(path),
        "dataset": file.dataset,
        "state": file.state,
        "records_read": file.records_read,
        "loaded": file.records_loaded,
        "superseded": file.records_superseded,
        "rejected": file.records_rejected,
        "bytes": file.size_bytes,
        "seconds": round(file.seconds, 3),
        "format": file.format,
        "version": file.version,
        "error": file.error,
        "warning": file.warning,
        "unknown_fields": file.unknown_fields,
    }
