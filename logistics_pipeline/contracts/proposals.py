"""Proposals in the database: which there are, what they hold, how they end. Makes none and accepts none."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from logistics_core.database_contract.contracts import ProposalKind, ProposalState
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class StoredProposal:
    """A row of `catalogue.proposals`."""

    proposal_id: UUID
    path: str
    """The file, as in the ledger."""
    file_id: int | None
    dataset: str
    kind: ProposalKind
    state: ProposalState
    contract: str
    """The contract file that would be accepted."""
    document: dict[str, Any]
    """`proposal`: what was found in the file; `answers`: by question; `edited`: whether a person wrote the contract."""
    version: int | None
    """The version that it became."""
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    ended_by: str | None

    @property
    def answers(self) -> dict[str, str]:
        """What was answered, by the id of the question."""
        return dict(self.document.get("answers", {}))

    @property
    def is_edited(self) -> bool:
        """Whether a person has put another contract in the place of the proposed one."""
        return bool(self.document.get("edited", False))

    @property
    def open_questions(self) -> list[dict[str, Any]]:
        """The questions that nobody has answered. A person who wrote the contract has answered all."""
        if self.is_edited:
            return []
        return [each for each in self.document.get("questions", []) if each["id"] not in self.answers]

    @property
    def obstacles(self) -> list[str]:
        """Why no file can be loaded by the contract; empty if one can."""
        return list(self.document.get("obstacles", []))

    @property
    def waits_because(self) -> str | None:
        """Why it waits though nothing is left to answer."""
        return self.document.get("waits_because") if self.is_acceptable else None

    @property
    def is_acceptable(self) -> bool:
        """Whether nothing is left to answer and nothing is in the way."""
        return not self.open_questions and not self.obstacles


_COLUMNS = ", ".join(StoredProposal.__dataclass_fields__)


def store_proposal(
    connection: Connection,
    *,
    path: str,
    file_id: int | None,
    dataset: str,
    kind: ProposalKind,
    contract: str,
    document: dict[str, Any],
    created_by: str,
) -> StoredProposal:
    """Stores a proposal for a file; one that is open for the same file is superseded by it."""
    with connection.transaction():
        connection.execute(
            f"UPDATE catalogue.proposals SET state = '{ProposalState.SUPERSEDED}', ended_at = clock_timestamp(), "
            f"ended_by = %s WHERE path = %s AND state = '{ProposalState.OPEN}'",
            (created_by, path),
        )
        return _one(
            connection,
            "INSERT INTO catalogue.proposals (path, file_id, dataset, kind, contract, document, created_by) VALUES "
            "(%(path)s, %(file_id)s, %(dataset)s, %(kind)s, %(contract)s, %(document)s, %(created_by)s) RETURNING ",
            {
                "path": path,
                "file_id": file_id,
                "dataset": dataset,
                "kind": kind,
                "contract": contract,
                "document": Jsonb(document),
                "created_by": created_by,
            },
        )


def proposal_by_id(connection: Connection, proposal_id: UUID, *, for_update: bool = False) -> StoredProposal | None:
    """One proposal, locked until the transaction ends if it is to be changed; None if there is none."""
    lock = " FOR UPDATE" if for_update else ""
    found = _fetch(connection, f"WHERE proposal_id = %(proposal_id)s{lock}", {"proposal_id": proposal_id})
    return found[0] if found else None


def open_proposals(connection: Connection) -> list[StoredProposal]:
    """The proposals that wait, the oldest first."""
    return _fetch(connection, f"WHERE state = '{ProposalState.OPEN}' ORDER BY created_at, proposal_id", {})


def open_drift_proposals(connection: Connection, dataset: str) -> list[StoredProposal]:
    """The changes that wait for a dataset, the oldest first, locked until the transaction ends."""
    where = f"WHERE dataset = %(dataset)s AND kind = '{ProposalKind.DRIFT}' AND state = '{ProposalState.OPEN}'"
    return _fetch(connection, f"{where} ORDER BY created_at, proposal_id FOR UPDATE", {"dataset": dataset})


def proposals_of_dataset(connection: Connection, dataset: str) -> list[StoredProposal]:
    """The proposals of a dataset, the oldest first."""
    return _fetch(connection, "WHERE dataset = %(dataset)s ORDER BY created_at, proposal_id", {"dataset": dataset})


def proposed_arrays(connection: Connection, dataset: str) -> set[str]:
    """The arrays within the records of a dataset for which a dataset of their own was proposed before."""
    found = connection.execute(
        "SELECT DISTINCT document #>> '{proposal,nested,array}' FROM catalogue.proposals "
        "WHERE document #>> '{proposal,nested,dataset}' = %s",
        (dataset,),
    )
    return {array for (array,) in found}


def datasets_with_arrays(connection: Connection) -> list[str]:
    """The datasets in force whose accepted proposals name arrays of objects."""
    found = connection.execute(
        "SELECT DISTINCT dataset FROM catalogue.proposals JOIN catalogue.datasets USING (dataset) "
        f"WHERE state = '{ProposalState.ACCEPTED}' AND kind = '{ProposalKind.NEW}' AND retired_at IS NULL "
        "AND document #> '{proposal,children}' <> '[]' ORDER BY dataset"
    )
    return [dataset for (dataset,) in found]


def latest_proposal(connection: Connection, path: str) -> StoredProposal | None:
    """The last proposal that was made for a file."""
    found = _fetch(connection, "WHERE path = %(path)s ORDER BY created_at DESC LIMIT 1", {"path": path})
    return found[0] if found else None


def change_proposal(
    connection: Connection, proposal: StoredProposal, dataset: str, contract: str, document: dict[str, Any]
) -> None:
    """Gives an open proposal another contract and document; the caller has locked it."""
    connection.execute(
        "UPDATE catalogue.proposals SET dataset = %s, contract = %s, document = %s WHERE proposal_id = %s",
        (dataset, contract, Jsonb(document), proposal.proposal_id),
    )


def assign_file(connection: Connection, proposal: StoredProposal, file_id: int | None) -> None:
    """Notes that a proposal is for the present content of its file."""
    if file_id is not None and file_id != proposal.file_id:
        connection.execute(
            "UPDATE catalogue.proposals SET file_id = %s WHERE proposal_id = %s", (file_id, proposal.proposal_id)
        )


def end_proposal(connection: Connection, proposal_id: UUID, state: ProposalState, ended_by: str) -> bool:
    """Ends an open proposal; False if it is open no longer."""
    return (
        connection.execute(
            "UPDATE catalogue.proposals SET state = %s, ended_at = clock_timestamp(), ended_by = %s "
            f"WHERE proposal_id = %s AND state = '{ProposalState.OPEN}'",
            (state, ended_by, proposal_id),
        ).rowcount
        == 1
    )


def accepted_as(connection: Connection, proposal_id: UUID, version: int, accepted_by: str) -> None:
    """Ends the proposal whose contract was accepted."""
    connection.execute(
        f"UPDATE catalogue.proposals SET state = '{ProposalState.ACCEPTED}', version = %(version)s, "
        "ended_at = clock_timestamp(), ended_by = %(accepted_by)s "
        f"WHERE proposal_id = %(proposal_id)s AND state = '{ProposalState.OPEN}'",
        {"version": version, "proposal_id": proposal_id, "accepted_by": accepted_by},
    )


def supersede_proposals(connection: Connection, path: str, ended_by: str) -> None:
    """Ends the open proposal of a file that belongs to a dataset now."""
    connection.execute(
        f"UPDATE catalogue.proposals SET state = '{ProposalState.SUPERSEDED}', ended_at = clock_timestamp(), "
        f"ended_by = %s WHERE path = %s AND state = '{ProposalState.OPEN}'",
        (f"the contract of {ended_by}", path),
    )


def _one(connection: Connection, statement: str, parameters: dict[str, Any]) -> StoredProposal:
    with connection.cursor(row_factory=class_row(StoredProposal)) as cursor:
        row = cursor.execute(f"{statement}{_COLUMNS}".encode(), parameters).fetchone()
    assert row is not None
    return row


def _fetch(connection: Connection, where: str, parameters: dict[str, Any]) -> list[StoredProposal]:
    statement = f"SELECT {_COLUMNS} FROM catalogue.proposals {where}"
    with connection.cursor(row_factory=class_row(StoredProposal)) as cursor:
        return cursor.execute(statement.encode(), parameters).fetchall()
