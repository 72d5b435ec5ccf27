"""What the file sensor decides, as pure functions: which files to load, given disk, ledger and Dagster.

The decision looks at states, not at events: whatever was interrupted, the next look finds what is still to be done.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from logistics_pipeline.discovery import FoundFile
from logistics_pipeline.ledger import LedgerFile

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


def is_settled(found: FoundFile, now_ns: int, settle_seconds: float) -> bool:
    """Whether a file has been left alone long enough to be complete. A time in the future counts as settled:
    a wrong clock must not hide a file for ever."""
    age_ns = now_ns - found.modified_ns
    return age_ns < 0 or age_ns >= settle_seconds * 1e9


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

    A file is loaded if its content is new, if its load was interrupted, if somebody asked for it, or if Dagster has no
    result to show for it. It is not while a run has it, nor when it failed, was terminated or was unloaded and has not
    changed since. One that is loaded although Dagster shows it as failed is asked for to be reported, as often as a
    load may die.
    """
    load: set[str] = set()
    report: set[str] = set()
    give_up: set[str] = set()
    for file in found:
        entry, state = known[file.key], status.get(file.key)
        if state == IN_PROGRESS:
            continue
        if entry.fingerprint != file.fingerprint or entry.retry_requested_at is not None:
            load.add(file.key)
        elif entry.state == "unloaded":
            continue
        elif state is None:
            # Of a run that was terminated Dagster keeps no result: whoever ended it does not want it again at once.
            if entry.state != "failed" or entry.run_id is None:
                load.add(file.key)
        elif entry.state == "loaded" and state == FAILED and entry.attempts < load_attempts:
            report.add(file.key)
        elif entry.state in ("registered", "loading"):
            (load if entry.attempts < load_attempts else give_up).add(file.key)
    return Plan(frozenset(load | report), frozenset(report), frozenset(give_up))
