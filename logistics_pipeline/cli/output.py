"""How commands print: for people on standard error and in tables, for programs one JSON document per line."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from logistics_core.database_contract.file_states import FileState
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.contracts.folder import SyncReport
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.excerpts import printable

_UNLIMITED_WIDTH = 10_000
"""Columns of a line that only a program reads: nothing is folded."""

console = Console(emoji=False, highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _UNLIMITED_WIDTH)
errors = Console(stderr=True, emoji=False, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Prints a sentence for the person at the terminal that is not part of the result."""
    errors.print(_printable(text), markup=False)


def say_synced(report: SyncReport) -> None:
    """Says what has changed between the folder of contracts and the database, and what a person has to do."""
    for change in report.changes:
        say(change)
    for problem in report.problems:
        say(f"Warning: {problem}")


def confirm(question: str) -> None:
    """Asks whether to go on.

    Raises:
        typer.Abort: the answer is no.
        ConfigurationError: there is nobody to ask.
    """
    import typer

    try:
        is_confirmed = typer.confirm(question, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        say("")
        raise ConfigurationError("There is no terminal to ask for confirmation: add --yes to confirm.") from None
    if not is_confirmed:
        raise typer.Abort


def minute(moment: datetime | None) -> str | None:
    """A moment in UTC, to the minute."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def print_json(document: dict[str, Any]) -> None:
    """Prints a document on one line, with escapes where the terminal's encoding lacks a character."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(document, default=str)
    print(text, flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Iterable[str] = ()) -> None:
    """Prints a table for people; columns in `numeric` are right-aligned."""
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
    return f"{value:,}" if isinstance(value, int) else escape(_printable(str(value)))


def _printable(text: str) -> str:
    """Texts come from files, and a terminal would obey the commands in them. Line breaks are ours."""
    return "\n".join(map(printable, text.split("\n")))


def load_result(file: LedgerFile, path: Path | str) -> dict[str, Any]:
    """What `logistics load --json` prints for a file; users rely on these fields."""
    return {
        "file": _path_text(path),
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
        "rejected_share": round(file.rejected_share, 4),
        "error": file.error,
        "warning": file.warning,
        "unknown_fields": file.unknown_fields,
        "values_cleared": file.values_cleared,
        "notes": file.notes,
    }


def _path_text(path: Path | str) -> str:
    """A path as text, the same in every locale; bytes that are not UTF-8 as escapes."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def state_text(file: LedgerFile, threshold: RejectThreshold) -> str:
    """A file's state in a table; what share of it is rejected, if that is a warning."""
    if file.dismissed_at is not None:
        return f"{file.state}, dismissed"
    if not file.has_warning(threshold):
        return str(file.state)
    return f"loaded, {share_text(file)} rejected" if _has_many_rejects(file, threshold) else "loaded, with a warning"


def share_text(file: LedgerFile) -> str:
    """The rejected share of a file as a percentage of up to two significant digits, never rounded to 0% or 100%."""
    per_cent = 100 * file.rejected_share
    if not per_cent or per_cent == 100:
        return f"{per_cent:.0f}%"
    if per_cent < 0.01:
        return "less than 0.01%"
    return f"{min(float(f'{per_cent:.2g}'), 99):g}%"


def _has_many_rejects(file: LedgerFile, threshold: RejectThreshold) -> bool:
    return file.records_rejected > 0 and threshold.is_crossed(file.records_read, file.records_rejected)


def file_summary(file: LedgerFile, threshold: RejectThreshold, was_loaded_before: bool = False) -> str:
    """One line on a file after its load: its balance, or why it was not loaded. Below it, a line per note."""
    return "\n  ".join((_balance_or_error(file, threshold, was_loaded_before), *file.notes))


def _balance_or_error(file: LedgerFile, threshold: RejectThreshold, was_loaded_before: bool) -> str:
    if file.state is not FileState.LOADED:
        return f"{file.path}: {file.state.upper()}: {file.error}"
    before = ", had been loaded before" if was_loaded_before else ""
    rate = f"{file.records_read / file.seconds:,.0f} records/s" if file.seconds else ""
    cleared = f"; {file.values_cleared:,} invalid values left out" if file.values_cleared else ""
    problems = [f"{share_text(file)} of its records were rejected."] if _has_many_rejects(file, threshold) else []
    problems += [file.warning] if file.warning else []
    warning = f" Warning: {' '.join(problems)}" if problems else ""
    return (
        f"{file.path}: {file.records_read:,} read = {file.records_loaded:,} loaded + {file.records_superseded:,} "
        f"superseded + {file.records_rejected:,} rejected{cleared} ({file.format}, {rate}{before}){warning}"
    )
