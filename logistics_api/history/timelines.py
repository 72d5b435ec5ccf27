"""The versions of one record, and what each changed."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from logistics_api.as_of.resolving import known_histories, why_unknown
from logistics_api.database.pool import Database
from logistics_api.database.problems import again_after_conflict
from logistics_api.history import queries
from logistics_api.history.schemas import TimelineParameters
from logistics_api.parameters import cursors
from logistics_api.rows.tables import Table
from logistics_core.versions import END


@again_after_conflict
async def read_timeline(
    database: Database, table: Table, key: Sequence[object], parameters: TimelineParameters
) -> str | None:
    """The timeline of a record as JSON; None if there is no such record. Records are as PostgreSQL writes them.

    Raises:
        Problem: 404, the cursor is of another request; whatever `Database.connection` raises.
    """
    fingerprint = cursors.fingerprint(f"history/{table.slug}", "", dict(enumerate(map(str, key))))  # type: ignore[arg-type]
    before: Sequence[Any] = [END, 0]
    if parameters.cursor is not None:
        before = cursors.decode(fingerprint, parameters.cursor, [int, int])
    values = {f"Key{number}": value for number, value in enumerate(key)}
    values |= {"Before_file": before[0], "Before_record": before[1], "Limit": parameters.limit + 1}
    histories = await known_histories(database, [table.dataset])
    statement = queries.timeline(table, has_history=table.name in histories)
    async with database.connection() as connection:
        found = await (await connection.execute(statement, values)).fetchall()
    if not found and parameters.cursor is None:
        return None
    shown, goes_on = found[: parameters.limit], len(found) > parameters.limit
    why = why_unknown([table.dataset], histories, 0)
    beside = {
        "next_cursor": cursors.encode(fingerprint, shown[-1][:2]) if goes_on else None,
        "is_complete": why is None,
        "incomplete_because": why,
    }
    return f'{json.dumps(beside)[:-1]},"data":[{",".join(map(_version, shown))}]}}'


def _version(row: Sequence[Any]) -> str:
    file_id, record_no, path, version, registered_at, *until, changed, document = row
    beside = {
        "file": _file(file_id, path, version, registered_at),
        "record_no": record_no,
        "until": None if until[0] is None else _file(*until),
        "changed": changed,
    }
    return f'{json.dumps(beside, ensure_ascii=False)[:-1]},"record":{document}}}'


def _file(file_id: int, path: str, version: int, registered_at: datetime) -> dict[str, Any]:
    moment = registered_at.astimezone(UTC).isoformat()
    return {"file_id": file_id, "path": path, "version": version, "registered_at": moment}
