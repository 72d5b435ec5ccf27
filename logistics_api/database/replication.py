"""How far the server that is read has replayed the log of the primary: it may be a replica, which is a moment behind.

Positions are offsets into that log in bytes (PostgreSQL calls them LSN); whatever was committed before a position is
seen by a replica that has replayed the log up to there.
"""

from dataclasses import dataclass
from math import inf

REPLAY_SECONDS = 2.0
"""How long a request or an event waits for a replica that is behind. Usually it is so by a few milliseconds."""

# A replica says how far it is; NULL once it was promoted.
REPLAYED = """
SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::bigint END
"""
# On the disk of the primary: what a commit waits for, and what replicas are sent.
WRITTEN = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"


@dataclass
class Replication:
    """What is known of both servers."""

    replayed: int | None = None
    """How far the replica has got; None if the server that is read is no replica."""
    written: int | None = None
    """How far the primary was when it was last asked; None if that is not known."""
    written_at: float = -inf
    """When it was asked (monotonic)."""
    caught_up_at: float = -inf
    """The latest moment of which it is known that the replica has everything committed before (monotonic)."""

    def note_replayed(self, position: int | None) -> None:
        """Notes how far the replica has got; None if the server is none."""
        self.replayed = position
        if self.written is not None and self.has_replayed(self.written):
            self.caught_up_at = self.written_at

    @property
    def is_replica(self) -> bool:
        return self.replayed is not None

    def has_replayed(self, position: int) -> bool:
        """Whether everything is seen that was committed before the position."""
        return self.replayed is None or self.replayed >= position

    def has_caught_up_since(self, moment: float) -> bool:
        """Whether everything is seen that was committed before the moment (monotonic)."""
        return self.caught_up_at >= moment
