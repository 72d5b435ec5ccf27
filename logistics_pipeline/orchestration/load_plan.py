"""What the file sensor decides, as pure functions: which files to load, given the disk, the ledger and Dagster.

The decision depends on states, not on events: whatever was interrupted, the next evaluation finds what is left to do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.ledger import LedgerFile

IN_PROGRESS = "IN_PROGRESS"
"""Dagster's status of a partition with a run queued or started. None means that Dagster has no result for it."""

FAILED = "FAILED"
"""Dagster's status of a partition whose last run ended without reporting it."""


@dataclass(frozen=True)
class LoadPlan:
    """What to do about the files of one dataset."""

    load: frozenset[str]
    """Keys of the files that a run should load."""
    report: frozenset[str]
    """Those among them that are loaded: their run died after committing them and before reporting to Dagster."""
    give_up: frozenset[str]
    """Keys of files whose loads died too often: they are failed, and a person decides."""


@dataclass(frozen=True)
class FutureFile:
    """What was seen of a file whose modification time is in the future, and so does not tell its last change."""

    size_bytes: int
    modified_ns: int
    since_ns: int
    """Since when it has been seen with this size and time."""


@dataclass(frozen=True)
class SettledFiles:
    """The files left alone long enough to be complete."""

    files: list[FoundFile]
    future: dict[str, FutureFile]
    """What the next evaluation needs as `seen_before`."""
    seconds_to_others: float | None
    """Until the others have been left alone long enough as well, if they are; None if there are none."""


def settled_files(
    found: Iterable[FoundFile],
    known: Mapping[str, LedgerFile],
    now_ns: int,
    settle_seconds: float,
    seen_before: Mapping[str, FutureFile],
) -> SettledFiles:
    """Tells the files left alone long enough from the others.

    A wrong clock must not hide a file for good. A file whose time is in the future is settled once it was seen
    unchanged for `settle_seconds`, or if the ledger has it with this size and time.
    """
    settled, future_files, missing_ns = list[FoundFile](), dict[str, FutureFile](), list[float]()
    for file in found:
        if file.is_whole:
            settled.append(file)
            continue
        since_ns = file.modified_ns
        if since_ns > now_ns:
            entry = known.get(file.key)
            if entry is not None and entry.fingerprint == file.fingerprint:
                settled.append(file)
                continue
            before = seen_before.get(file.key)
            is_same = before is not None and (before.size_bytes, before.modified_ns) == (
                file.size_bytes,
                file.modified_ns,
            )
            since_ns = before.since_ns if before is not None and is_same else now_ns
            future_files[file.key] = FutureFile(file.size_bytes, file.modified_ns, since_ns)
        still_ns = since_ns + settle_seconds * 1e9 - now_ns
        if still_ns <= 0:
            settled.append(file)
        else:
            missing_ns.append(still_ns)
    return SettledFiles(settled, future_files, max(missing_ns) / 1e9 if missing_ns else None)


def files_to_register(found: Iterable[FoundFile], known: Mapping[str, LedgerFile]) -> list[FoundFile]:
    """The files that are new, whose size shows that their content is new, or whose dataset has got a contract since.

    The same size with another time may be the same content, touched: the loader finds out.
    """
    return [file for file in found if _is_new(file, known.get(file.key))]


def _is_new(file: FoundFile, entry: LedgerFile | None) -> bool:
    if entry is None or entry.size_bytes != file.size_bytes:
        return True
    return entry.dataset is None and file.dataset is not None


def plan_loads(
    found: Iterable[FoundFile],
    known: Mapping[str, LedgerFile],
    status: Mapping[str, str | None],
    *,
    load_attempts: int,
) -> LoadPlan:
    """Decides about settled, registered files of one dataset.

    A file is loaded if its content is new, its load was interrupted, it has returned after it was missing, somebody
    requested it, or Dagster has no result to show for it. It is not while a run has it, nor if it failed, was
    terminated or was unloaded and has not changed since. One that is loaded although Dagster shows it as failed is
    requested again to be reported, as often as a load may die.
    """
    load: set[str] = set()
    report: set[str] = set()
    give_up: set[str] = set()
    for file in found:
        entry, state = known[file.key], status.get(file.key)
        if state == IN_PROGRESS:
            continue
        is_back = entry.is_missing and entry.attempts < load_attempts
        if entry.fingerprint != file.fingerprint or entry.retry_requested_at is not None or is_back:
            load.add(file.key)
        elif entry.state is FileState.UNLOADED:
            continue
        elif state is None:
            # Dagster keeps no result of a terminated run: the person who ended it does not want it again at once.
            if entry.state is not FileState.FAILED or entry.run_id is None:
                load.add(file.key)
        elif entry.state is FileState.LOADED and state == FAILED and entry.attempts < load_attempts:
            report.add(file.key)
        elif entry.state in UNFINISHED_STATES:
            (load if entry.attempts < load_attempts else give_up).add(file.key)
    return LoadPlan(frozenset(load | report), frozenset(report), frozenset(give_up))
