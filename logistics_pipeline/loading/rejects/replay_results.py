"""What a replay did: plain data, made by `replay_batch` per batch, added up by `replay`, shown by the command."""

from dataclasses import dataclass, field

MAX_PROBLEMS = 20
"""Number of records not accepted that are reported one by one."""

MAX_UNKNOWN_FIELDS = 100


@dataclass(frozen=True)
class Problem:
    """A record that was not accepted, and why. What is not known about it is None."""

    path: str | None
    version: int | None
    record_no: int | None
    line_no: int | None
    """In the export that was replayed."""
    reason: str


@dataclass
class Replay:
    """What a replay, or one batch of it, did."""

    loaded: int = 0
    superseded: int = 0
    """Accepted too, but a later record already had the key."""
    still_bad: int = 0
    resolved_before: int = 0
    unusable: int = 0
    """Lines of an export that match no reject of this ledger."""
    problems: list[Problem] = field(default_factory=list)
    """The first few of those still bad or unusable."""
    unknown_fields: list[str] = field(default_factory=list)
    """Fields of corrected records that are not in the contract: they were left out."""
    files_finished: list[str] = field(default_factory=list)
    """Paths of failed files that are loaded now: they had been read to their end, and too much was rejected."""

    @property
    def accepted(self) -> int:
        return self.loaded + self.superseded

    @property
    def is_clean(self) -> bool:
        """Whether everything to be replayed is accepted now."""
        return self.still_bad == self.unusable == 0

    def add(self, other: "Replay") -> None:
        """Adds the results of another batch."""
        self.loaded += other.loaded
        self.superseded += other.superseded
        self.still_bad += other.still_bad
        self.resolved_before += other.resolved_before
        self.unusable += other.unusable
        self.problems += other.problems[: MAX_PROBLEMS - len(self.problems)]
        self.files_finished += other.files_finished
        self.unknown_fields = sorted({*self.unknown_fields, *other.unknown_fields})[:MAX_UNKNOWN_FIELDS]
