"""What the file sensor decides, as pure functions: which files to load, given disk, ledger and Dagster.

The decision looks at states, not at events: whatever was interrupted, the next look finds what is still to be done.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.sources.folder import FoundFile

IN_PROGRESS = "IN_PROGRESS"
"""Dagster's status of a partition with a run queued or started. None stands for a partition it knows nothing of."""

FAILED = "FAILED"
"""Dagster's status of a partition whose last run ended without reporting it."""


@dataclass(frozen=True)
class Plan:
    """What to do about the files of one look at the raw folder."""

    load: frozenset[str]
    """Keys of files that should be loaded by a run."""
    report: frozenset[str]
    """Of these are loaded: their run died between committing them and telling Dagster, so only that is left to do."""
    give_up: frozenset[str]
    """Keys of files whose loads died too often: they are failed, and a person decides."""


@dataclass(frozen=True)
class Sighting:
    """A file whose modification time lies in the future, which says nothing of when it was written to last."""

    size_bytes: int
    modified_ns: int
    since_ns: int
    """Since when it has been seen like that."""


def settled_files(
    found: Iterable[FoundFile],
    known: Mapping[str, LedgerFile],
    now_ns: int,
    settle_seconds: float,
    sightings: Mapping[str, Sighting],
) -> tuple[list[FoundFile], dict[str, Sighting]]:
    """Those that were left alone long enough to be complete, and what to tell the next look.

    A wrong clock must not hide a file for ever: if its time lies in the future, it is settled once two looks so far
    apart have found it the same, as the first says in its `sightings`; or if it is registered like that.
    """
    settled, next_sightings = [], {}
    for file in found:
        since_ns = file.modified_ns
        if since_ns > now_ns:
            entry = known.get(file.key)
            if entry is not None and entry.fingerprint == file.fingerprint:
                settled.append(file)
                continue
            before = sightings.get(file.key)
            is_same = before is not None and (before.size_bytes, before.modified_ns) == file.fingerprint
            since_ns = before.since_ns if before is not None and is_same else now_ns
            next_sightings[file.key] = Sighting(*file.fingerprint, since_ns)
        if now_ns - since_ns >= settle_seconds * 1e9:
            settled.append(file)
    return settled, next_sightings


def files_to_register(found: Iterable[FoundFile], known: Mapping[str, LedgerFile]) -> list[FoundFile]:
    """Files the ledger does not know, and those whose size says that their content is new.

    The same size with another time may be the same content, touched: the loader looks into it.
    """
    return [file for file in found if (entry := known.get(file.key)) is None or entry.size_bytes != file.size_bytes]


def plan_loads(
    found: Iterable[FoundFile],
    known: Mapping[str, LedgerFile],
    status: Mapping[str, str | None],
    *,
    load_attempts: int,
) -> Plan:
    """Decides about settled, registered files of one dataset.

    A file is loaded if its content is new, if its load was interrupted, if it is back after it was gone, if somebody
    asked for it, or if Dagster has no result to show for it. It is not while a run has it, nor when it failed, was
    terminated or was unloaded and has not changed since. One that is loaded although Dagster shows it as failed is
    asked for to be reported, as often as a load may die.
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
            # Of a run that was terminated Dagster keeps no result: whoever ended it does not want it again at once.
            if entry.state is not FileState.FAILED or entry.run_id is None:
                load.add(file.key)
        elif entry.state is FileState.LOADED and state == FAILED and entry.attempts < load_attempts:
            report.add(file.key)
        elif entry.state in UNFINISHED_STATES:
            (load if entry.attempts < load_attempts else give_up).add(file.key)
    return Plan(frozenset(load | report), frozenset(report), frozenset(give_up))
