"""Proposes contracts for the files that the ledger has as unrecognised: one at a time, each content once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from logistics_core.catalogue import built_in_catalogue
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.proposing import Outcome, propose_unrecognised
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.places import WatchedPlaces
from logistics_pipeline.files.stores import PlaceError

CREATED_BY = "the watch of contracts"


@dataclass
class NewFiles:
    """Which unrecognised files were looked at, by their number in the ledger: a changed file has another one.

    This is kept in memory, so a watch that begins looks at those once more for which there can be no proposal.
    """

    settings: Settings
    _looked_at: dict[int, UUID | None] = field(default_factory=dict)
    """With the proposal for another file of the same folder that one waits for, if it does."""

    def propose_next(self, connection: Connection) -> tuple[str, Outcome] | None:
        """Proposes a contract for the next file, if there is one; returns its path and what became of it."""
        folder = WatchedPlaces.of_settings(self.settings, built_in_catalogue())
        for file_id, path in self._unseen(connection):
            self._looked_at[file_id] = None
            try:
                found = folder.look_at_key(path)
            except TransientError:
                del self._looked_at[file_id]
                continue
            except PlaceError:
                continue
            if found is None:
                continue
            outcome = propose_unrecognised(connection, found, self.settings, created_by=CREATED_BY)
            if outcome.proposal is not None and outcome.proposal.path != path:
                self._looked_at[file_id] = outcome.proposal.proposal_id
            return path, outcome
        return None

    def _unseen(self, connection: Connection) -> Iterator[tuple[int, str]]:
        files = ledger.unrecognised_files(connection)
        if not files:
            self._looked_at.clear()
            return
        known = {file_id for (file_id,) in connection.execute(_WITH_PROPOSAL, ([each for each, _ in files],))}
        is_open = {proposal_id for (proposal_id,) in connection.execute(_OPEN)}
        for file_id, path in files:
            waits_for = self._looked_at.get(file_id)
            has_been_seen = file_id in self._looked_at and (waits_for is None or waits_for in is_open)
            if file_id not in known and not has_been_seen:
                yield file_id, path


_WITH_PROPOSAL = "SELECT file_id FROM catalogue.proposals WHERE file_id = ANY(%s)"
_OPEN = "SELECT proposal_id FROM catalogue.proposals WHERE state = 'open'"
