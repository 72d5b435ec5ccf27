"""The kinds of fault: what each one does to a load, and how one tells afterwards that it came in its middle."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.files import corrected

if TYPE_CHECKING:
    from tests.faults.run import Run


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    name: str
    strike: Callable[["Run"], None] | None
    """What is done at a moment in the load; None if the load begins with it."""
    has_struck: Callable[["Run"], bool]
    """Whether the last strike came before the load had ended: one that comes later proves nothing."""
    is_repeatable: bool = True
    """Whether it may strike again while the load is being resumed."""
    latest: float = 0.98
    """Up to which part of the load it may strike; what it strikes may end before the load does."""
    is_change: bool = False
    """Whether the file changes, so that its load can only end with another version."""


def _connected_again(run: "Run") -> bool:
    """A load that has ended has nothing to connect for."""
    return run.proxy.connections > run.connections_at_strike and not run.was_late


def _version_failed(run: "Run") -> bool:
    return run.disturbed.versions(run.main.name)[0].state == "failed"


def _warned(run: "Run") -> bool:
    warning = run.disturbed.versions(run.main.name)[0].warning
    return warning is not None and "No space left on device" in warning


def _kill_parser(run: "Run") -> None:
    run.parsers_killed = run.loader.kill_children()


def _cut(run: "Run") -> None:
    run.proxy.cut(server_side_after_seconds=run.chance.choice([0, 0, 0.3]))


def _truncate(run: "Run") -> None:
    size = run.chance.randrange(len(run.main.content))
    os.truncate(run.path, size)
    run.later = [run.main.content[:size], run.main.content]


def _replace(run: "Run") -> None:
    """A new file takes the name of the old one, which a loader that has opened it still reads to its end."""
    run.replacement = corrected(run.chance, run.main)
    run.later = [run.replacement.content]
    new = run.path.with_name(".new")
    new.write_bytes(run.later[0])
    new.replace(run.path)


def _overwrite(run: "Run") -> None:
    """The same file gets other bytes, as `cp` does it: a loader at work reads a mixture."""
    run.later = [run.main.reversed().content]
    run.path.write_bytes(run.later[0])


FAULTS = (
    Fault("loader killed", lambda run: run.loader.kill(), _connected_again),
    Fault("parser killed", _kill_parser, lambda run: run.parsers_killed > 0, is_repeatable=False, latest=0.3),
    Fault("backend killed", lambda run: run.server.kill_backends(run.disturbed.name), _connected_again),
    Fault("backend terminated", lambda run: run.server.terminate_backends(run.disturbed.name), _connected_again),
    Fault("server restarted", lambda run: run.server.restart_immediately(), _connected_again),
    Fault("connection cut", _cut, _connected_again),
    Fault("disk full", None, _warned, is_repeatable=False),
    Fault("file truncated", _truncate, _version_failed, is_repeatable=False, is_change=True),
    Fault("file replaced", _replace, _version_failed, is_repeatable=False, is_change=True),
    Fault("file overwritten", _overwrite, _version_failed, is_repeatable=False, is_change=True),
)
