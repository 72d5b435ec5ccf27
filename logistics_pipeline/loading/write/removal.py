"""Takes all of a file out of the database, in one transaction: as if nothing of it had been loaded yet.

`unload` does this because a person asks for it; a load that has to start over does it too. Rows that other files had
under the same keys come back from where superseded records are kept (`restoring`). Otherwise they are gone already: the
older files that may have had them are marked, and their next load starts over and gets the keys back. The days or keys
that lose rows are noted in `ingest.batches`, like those of a load.

Memory: none here, however large the file; PostgreSQL sorts what loses rows on disk.
"""

from dataclasses import dataclass

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.database_contract.file_states import FileState
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import changing_rows, is_distributed
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.write.distributed_merger import delete_keys_of_file
from logistics_pipeline.loading.write.restoring import Restoring, dated_by


@dataclass(frozen=True)
class RemovedContent:
    """What a file had in the database."""

    rows: int
    rejects: int
    corrections: int
    """Rejects that had been corrected by hand: the file's next load restores these (`restore_corrections`)."""
    restored: int = 0
    """Records of other files that have their keys back, where superseded records are kept."""


def remove_file_rows(connection: Connection, file: LedgerFile, dataset: Dataset, *, state: FileState) -> RemovedContent:
    """Deletes a file's rows and rejects and resets its status to `state`.

    The caller holds the file's lock (`file_lock`), so no load of it is running. Batches of other files of the dataset
    have to wait: otherwise one that has just lost a key to this file would not be known to have lost it.
    """
    are_distributed = is_distributed(connection, dataset)
    with changing_rows(connection, are_distributed=are_distributed):
        # Rejects before the table: replays lock them in this order, so nobody deadlocks.
        rejects = ledger.remove_rejects(connection, file.file_id)
        connection.execute(
            sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier("raw", dataset.name))
        )
        connection.execute(_SORT)
        restoring = Restoring(connection, dataset, file.file_id)
        restoring.find()
        if are_distributed:
            delete_keys_of_file(connection, dataset, file.file_id)
        row = connection.execute(_statement(dataset), {"file_id": file.file_id}).fetchone()
        assert row is not None
        restored = restoring.bring_back()
        ledger.mark_older_for_reload(connection, file)
        ledger.clear(connection, file.file_id, state)
    return RemovedContent(row[0], rejects.rejects, rejects.corrections, restored)


def remove_rejects_only(connection: Connection, file: LedgerFile) -> None:
    """Resets a file of which every record was rejected to nothing read: there are no rows to delete.

    The caller holds the file's lock.
    """
    with connection.transaction():
        ledger.remove_rejects(connection, file.file_id)
        ledger.clear(connection, file.file_id, FileState.REGISTERED)


_SORT = "SELECT set_config('enable_hashagg', 'off', true)"
"""Makes PostgreSQL form groups by sorting on disk; hashing would hold the arrays of all groups in memory at once."""


def _statement(dataset: Dataset) -> sql.Composed:
    dating = dataset.dating
    collected, nothing = sql.SQL("array_agg(touched)"), sql.SQL("'{}'")
    return sql.SQL(read_sql("loading/unload")).format(
        table=sql.Identifier("raw", dataset.name),
        dated_by=dated_by(dataset),
        stale_days=collected if dating is not None and dating.is_own else nothing,
        stale_keys=collected if dating is not None and not dating.is_own else nothing,
    )
