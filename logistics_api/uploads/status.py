"""State of an upload."""

import asyncio
import json
from dataclasses import asdict
from typing import Any

from logistics_api.database.pool import Database
from logistics_api.ingestion.file_queries import file_parameters
from logistics_api.uploads.queries import UPLOAD
from logistics_api.uploads.schemas import UploadState
from logistics_api.uploads.storage import StoredFile
from logistics_core.database_contract.file_states import FINISHED_STATES
from logistics_core.settings import Settings

FINAL = FINISHED_STATES | {UploadState.REPLACED, UploadState.MISSING}

DETAILS = {
    UploadState.WAITING: "The file is in the raw folder, waiting for the pipeline's sensor to find it.",
    UploadState.REGISTERED: "The file is in the ledger, waiting for a run.",
    UploadState.LOADING: "The file is being loaded.",
    UploadState.LOADED: "The file is loaded.",
    UploadState.UNLOADED: "The file was loaded and then unloaded on request.",
    UploadState.REPLACED: "Other content replaced the file before the pipeline found it.",
    UploadState.MISSING: "The file was removed from the raw folder before the pipeline found it.",
}


async def read_status(upload_id: str, file: StoredFile, database: Database, settings: Settings) -> dict[str, Any]:
    """Returns the response body for an upload: from the ledger, or from the disk until the file is in the ledger."""
    dataset = file.path.partition("/")[0]
    parameters = {**asdict(file), "dataset": dataset} | file_parameters(settings)
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
        "detail": DETAILS.get(state) or entry["error"] or "Loading the file failed.",
        "same_content": other,
        "file": entry,
    }


def _state_on_disk(file: StoredFile, settings: Settings) -> UploadState:
    """Returns the state of a file that is not in the ledger."""
    try:
        status = (settings.raw_dir / file.path).stat()
    except FileNotFoundError:
        return UploadState.MISSING
    except OSError:
        return UploadState.WAITING
    same = (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.modified_ns)
    return UploadState.WAITING if same else UploadState.REPLACED
