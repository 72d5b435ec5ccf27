"""State of an upload."""

import asyncio
import json
from dataclasses import asdict
from typing import Any

from logistics_api.contract_requests.requests import read_request
from logistics_api.database.pool import Database
from logistics_api.ingestion.file_queries import file_parameters
from logistics_api.uploads.queries import UPLOAD
from logistics_api.uploads.schemas import UploadState
from logistics_api.uploads.storage import StoredFile
from logistics_api.uploads.upload_ids import UploadedFile, make_upload_id
from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.file_states import FINISHED_STATES
from logistics_core.settings import Settings

FINAL = FINISHED_STATES | {UploadState.UNRECOGNISED, UploadState.REPLACED, UploadState.MISSING}

DETAILS = {
    UploadState.WAITING: "The file is in the raw folder, waiting for the pipeline's sensor to find it.",
    UploadState.REGISTERED: "The file is in the ledger, waiting for a run.",
    UploadState.LOADING: "The file is being loaded.",
    UploadState.LOADED: "The file is loaded.",
    UploadState.UNLOADED: "The file was loaded and then unloaded on request.",
    UploadState.REPLACED: "Other content replaced the file before the pipeline found it.",
    UploadState.MISSING: "The file was removed from the raw folder before the pipeline found it.",
}
WITHOUT_DETAIL = {
    UploadState.FAILED: "Loading the file failed.",
    UploadState.UNRECOGNISED: "The file belongs to no dataset.",
}


async def read_status(
    upload: UploadedFile, database: Database, settings: Settings, catalogue: Catalogue, prefix: str
) -> dict[str, Any]:
    """Returns the response body for an upload: from the ledger, or from the disk until the file is in the ledger.

    `prefix` is the path under which a proxy publishes the API.
    """
    file = upload.file
    dataset = catalogue.dataset_of_path(file.path) or (file.path.partition("/")[0] if _was_known(upload) else None)
    parameters = {**asdict(file), "dataset": dataset} | file_parameters(settings)
    entry, other = (text and json.loads(text) for text in await database.fetch_row(UPLOAD, parameters))
    state = UploadState(entry["state"]) if entry else await asyncio.to_thread(_state_on_disk, file, settings)
    request = None if _was_known(upload) else await read_request(database, upload.request_id or 0, prefix)
    return {
        "upload_id": make_upload_id(upload),
        "dataset": (entry and entry["dataset"]) or dataset,
        "path": file.path,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "state": state,
        "is_final": _is_final(state, entry, request),
        "detail": _detail(state, entry, request),
        "same_content": other,
        "proposal_request_url": request and request["status_url"],
        "proposal_url": request and request["proposal_url"],
        "file": entry,
    }


def _was_known(upload: UploadedFile) -> bool:
    """Whether the file belonged to a dataset when it was sent."""
    return upload.request_id is None


def _is_final(state: UploadState, entry: dict[str, Any] | None, request: dict[str, Any] | None) -> bool:
    if state is UploadState.UNRECOGNISED and request and not request["is_final"]:
        return False
    return state in FINAL and not (entry and entry["retry_requested_at"])


def _detail(state: UploadState, entry: dict[str, Any] | None, request: dict[str, Any] | None) -> str:
    """The state in words; of a file that belongs to no dataset, how far the proposal of its contract is."""
    if request and state in (UploadState.WAITING, UploadState.UNRECOGNISED):
        asked = "" if request["is_final"] else "No dataset has files of this name, so a contract is to be proposed. "
        return f"{asked}{request['detail']}"
    return DETAILS.get(state) or (entry and entry["error"]) or WITHOUT_DETAIL[state]


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
