"""The states of a pull in `source.pulls`."""

from enum import StrEnum


class PullState(StrEnum):
    """Where a pull stands."""

    RUNNING = "running"
    """Or its process died: then the next run goes on with it."""
    COMPLETE = "complete"
    UNCHANGED = "unchanged"
    """Complete, and its records are those of the pull before: no file was landed."""
    FAILED = "failed"
    PAUSED = "paused"
    """The source wants to be asked later."""
    ABANDONED = "abandoned"
    """A pull with another definition took its place."""

    @property
    def is_open(self) -> bool:
        """Whether the next run goes on with it."""
        return self in (PullState.RUNNING, PullState.FAILED, PullState.PAUSED)

    @property
    def is_done(self) -> bool:
        """Whether it has read all that there was."""
        return self in (PullState.COMPLETE, PullState.UNCHANGED)
