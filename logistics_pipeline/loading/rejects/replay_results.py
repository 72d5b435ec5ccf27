"""What a replay did: plain data, made by `replay_batch` batch by batch, added up by `replay`, shown by the command."""

from dataclasses import dataclass, field

MOST_PROBLEMS = 20
"""So many of the records that were not accepted are told one by one."""

MOST_UNKNOWN_FIELDS = 100


@dataclass(frozen=True)
class Problem:
    """A record that was not accepted, and why. What is not known of it is None."""

    path: str | None
    version: int | None
    record_no: int | None
    line_no: int | None
    """In the export that was replayed."""
    reason: str


@dataclass
class Replay:
    """What a replay, or a batch of one, did."""

    loaded: int = 0
    superseded: int = 0
    """Accepted as well, but a later record with the same key was there."""
    still_bad: int = 0
    resolved_before: int = 0
    unusable: int = 0
    """Lines of an export that mean no reject of this ledger."""
    problems: list[Problem] = field(default_factory=list)
    """The first few of those still bad or unusable."""
    unknown_fields: list[str] = field(default_factory=list)
    """Fields of mended records that the contract does not know: they were left out."""

    @property
    def accepted(self) -> int:
        return self.loaded + self.superseded

    @property
    def is_clean(self) -> bool:
        """Whether everything that was to be replayed is accepted now."""
        return self.still_bad == self.unusable == 0

    def add(self, other: "Replay") -> None:
        self.loaded += other.loaded
        self.superseded += other.superseded
        self.still_bad += other.still_bad
        self.resolved_before += other.resolved_before
        self.unusable += other.unusable
        self.problems += other.problems[: MOST_PROBLEMS - len(self.problems)]
        self.unknown_fields = sorted({*self.unknown_fields, *other.unknown_fields})[:MOST_UNKNOWN_FIELDS]
