"""Serves what people request of the pipeline about a file, through the API: retry, dismissal, unload.

Each request is served once. A retry and a dismissal take effect in the transaction that ends their request. An unload
records in its transaction that the rows are gone; what is left to do after that can be repeated.
"""

from logistics_core.database_contract.file_requests import FileAction
from logistics_core.database_contract.file_states import DISMISSIBLE_STATES, FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.ledger import FileRequest
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.unload import Unloaded, unload_file
from logistics_pipeline.orchestration.retry_requests import Outcome, request_retries

PATHS_NAMED = 5
"""Most files that an outcome names one by one."""


class _RefusedError(Exception):
    """A request cannot be fulfilled; the text says why."""


def serve_short_requests(connection: Connection, settings: Settings) -> int:
    """Serves pending retries and dismissals; returns how many."""
    served = 0
    for request in ledger.pending_requests(connection, (FileAction.RETRY, FileAction.FORGET)):
        with connection.transaction():
            if not ledger.lock_request(connection, request.request_id):
                continue
            try:
                outcome = _retry(connection, request, settings) if _is_retry(request) else _dismiss(connection, request)
                ledger.end_request(connection, request.request_id, outcome=outcome)
            except _RefusedError as refusal:
                ledger.end_request(connection, request.request_id, error=str(refusal))
            served += 1
    return served


def _is_retry(request: FileRequest) -> bool:
    return request.action == FileAction.RETRY


def _retry(connection: Connection, request: FileRequest, settings: Settings) -> str:
    path = ledger.file_by_id(connection, request.file_id).path
    newest = ledger.latest_file(connection, path)
    if newest is None or newest.file_id != request.file_id:
        raise _RefusedError("A newer version has replaced this one: request the load of that version.")
    (done,) = request_retries(connection, [path], settings)
    if done.outcome in _REFUSALS:
        raise _RefusedError(_REFUSALS[done.outcome])
    return "The load is requested: it starts when Dagster next checks the raw folder."


_REFUSALS = {
    Outcome.LOADED: "It is loaded: there is nothing to retry. To load it again, unload it first.",
    Outcome.UNKNOWN: "The ledger has no such file any more.",
    Outcome.ELSEWHERE: "It is outside the raw folder, which Dagster watches: `logistics load` loads it.",
    Outcome.MISSING: "It is no longer in the raw folder: put it back, then try again.",
    Outcome.UNRECOGNISED: "Its path names no dataset, so it is not loaded: decide on the contract that is proposed "
    "for it, or upload it to a dataset.",
}


def _dismiss(connection: Connection, request: FileRequest) -> str:
    if ledger.dismiss(connection, request.file_id):
        return "It is dismissed."
    file = ledger.file_by_id(connection, request.file_id)
    if file.state not in DISMISSIBLE_STATES:
        raise _RefusedError(f"It is {file.state}: only failed and unrecognised files can be dismissed.")
    if file.records_loaded:
        raise _RefusedError(f"It has {file.records_loaded:,} rows in the database: unload it first.")
    return "It had been dismissed before."


def serve_unload_requests(url: str, options: LoadOptions) -> int:
    """Serves pending unloads; returns how many.

    Raises:
        TransientError: the database is unavailable; the requests that are left stay pending.
    """
    with connect(url, application_name="logistics dagster") as connection:
        requests = ledger.pending_requests(connection, (FileAction.UNLOAD,))
        for request in requests:
            _unload(connection, request, url, options)
    return len(requests)


def _unload(connection: Connection, request: FileRequest, url: str, options: LoadOptions) -> None:
    file = ledger.file_by_id(connection, request.file_id)
    if request.outcome is not None and file.state is not FileState.UNLOADED:
        ledger.end_request(connection, request.request_id)  # unloaded for this request, and loaded again since
        return
    try:
        done = unload_file(url, file.path, options, version=file.version)
    except TransientError:
        raise
    except PipelineError as error:
        ledger.end_request(connection, request.request_id, error=str(error))
    else:
        ledger.end_request(connection, request.request_id, outcome=_describe(done))


def _describe(done: Unloaded) -> str:
    removed = done.removed
    sentences = [
        "Its rows and rejects are removed."
        if done.was_unloaded_before
        else f"{removed.rows:,} rows and {removed.rejects:,} rejects are removed."
    ]
    if done.to_reload:
        paths = ", ".join(file.path for file in done.to_reload[:PATHS_NAMED])
        more = f" and {len(done.to_reload) - PATHS_NAMED:,} more" if len(done.to_reload) > PATHS_NAMED else ""
        sentences.append(f"Older files may have had rows under the same keys: load these again: {paths}{more}.")
    return " ".join(sentences)
