"""What became of an upload."""

import asyncio
import json
from dataclasses import asdict
from typing import Any

from logistics_api.database.pool import Database
from logistics_api.uploads.queries import UPLOAD
from logistics_api.uploads.schemas import UploadState
from logistics_api.uploads.storage import StoredFile
from logistics_core.database_contract.file_states import FINISHED_STATES
from logistics_core.settings import Settings

FINAL = FINISHED_STATES | {UploadState.REPLACED, UploadState.MISSING}

DETAILS = {
    UploadState.WAITING: "It stands in the raw folder and waits to be found by the pipeline's sensor.",
    UploadState.REGISTERED: "It is in the ledger and waits for a run.",
    UploadState.LOADING: "It is being loaded.",
    UploadState.LOADED: "It is loaded.",
    UploadState.UNLOADED: "It was loaded, and was taken out again on request.",
    UploadState.REPLACED: "Other content took its name before the pipeline had seen it.",
    UploadState.MISSING: "It was removed from the raw folder before the pipeline had seen it.",
}


async def read_status(upload_id: str, file: StoredFile, database: Database, settings: Settings) -> dict[str, Any]:
    """The body of a response about an upload: from the ledger, or the disk while the ledger does not know the file."""
    dataset = file.path.partition("/")[0]
    parameters = {**asdict(file), "dataset": dataset, "dagster_url": str(settings.dagster_url)}
    entry, other = (text and json.loads(text) for text in await database.fetch_row(UPLOAD, parameters))
    state = UploadState(entry["state"]) if entry else await asyncio.to_thread(_state_on_disk, file, settings)
    return {
        "upload_id": upload_id,
        "dataset": dataset,
        "path": file.path,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "state": state,
        "is_final": state in FINAL and not (entry and entry["retry_requested_at"]),
        "detail": DETAILS.get(state) or entry["error"] or "It failed.",
        "same_content": other,
        "file": entry,
    }


def _state_on_disk(file: StoredFile, settings: Settings) -> UploadState:
    """The state of a file that the ledger does not know."""
    try:
        status = (settings.raw_dir / file.path).stat()
    except FileNotFoundError:
        return UploadState.MISSING
    except OSError:
        return UploadState.WAITING
    same = (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.modified_ns)
    return UploadState.WAITING if same else UploadState.REPLACED
