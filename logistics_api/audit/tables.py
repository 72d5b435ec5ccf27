"""Entries of the audit log as lines of CSV, for spreadsheets."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from logistics_core.spreadsheets import harmless

COLUMNS = (
    "entry_id", "changed_at", "actor_kind", "actor", "person_id", "request_id", "login", "kind", "object", "action",
    "before", "after",
)  # fmt: skip


def cells(entry: Mapping[str, Any]) -> list[Any]:
    """The values of an entry in the order of `COLUMNS`."""
    actor = entry["actor"]
    values = {**entry, "actor_kind": actor["kind"], "actor": actor["name"], "person_id": actor["person_id"]}
    return [_cell(values[name]) for name in COLUMNS]


def csv_of(rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV (RFC 4180, with line feeds)."""
    found = io.StringIO()
    csv.writer(found, lineterminator="\n").writerows(rows)
    return found.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
