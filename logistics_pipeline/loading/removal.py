"""A file's rows and rejects out of the database again, in one transaction: as if nothing of it had been loaded yet.

What a person asks for is in `unload`; here is what a load does by itself, too, where it has to begin anew. The rows
that others had under the same keys before are gone: the older files that may have had them are marked, and their next
load begins anew and takes the keys back. The days or logs that lose rows wait in `ingest.batches` like those of a load.

Memory: none here, however large the file; PostgreSQL sorts the logs that lose shipments on disk.
"""

from dataclasses import dataclass

from psycopg import sql

from logistics_core.catalogue import DATASETS, Dataset
from logistics_core.database_contract.file_states import FileState
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.rejects.export_lines import MendedReject
from logistics_pipeline.loading.rejects.replay_batch import BatchReplayer
from logistics_pipeline.loading.rejects.reread import recall
from logistics_pipeline.loading.rejects.revalidation import Judge


@dataclass(frozen=True)
class TakenOut:
    """What there was of a file."""

    rows: int
    rejects: int
    mends: int
    """Of the rejects had been mended by hand: the next load of the file puts them back (`put_mends_back`)."""


def take_out(connection: Connection, file: LedgerFile, *, state: FileState) -> TakenOut:
    """Takes out all there is of a file and leaves its account empty, in the given state.

    The caller holds the file's lock (`locking.only_one`), so no load of it goes on. Batches of other files of the
    dataset wait: one that lost a key to this file a moment before it goes would otherwise not be known to have lost it.
    """
    assert file.dataset is not None, "only a file of a dataset is loaded"
    dataset = DATASETS[file.dataset]
    with connection.transaction():
        # Rejects before the table: replays lock them in this order, and nobody may wait in a circle.
        rejects = ledger.remove_rejects(connection, file.file_id)
        connection.execute(
            sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier("raw", dataset.name))
        )
        connection.execute(_SORT)
        row = connection.execute(_statement(dataset), {"file_id": file.file_id}).fetchone()
        assert row is not None
        ledger.mark_older_for_reload(connection, file)
        ledger.clear(connection, file.file_id, state)
    return TakenOut(rows=row[0], rejects=rejects.rejects, mends=rejects.corrections)


_SORT = "SELECT set_config('enable_hashagg', 'off', true)"
"""Groups follow each other, sorted on disk; hashed, the arrays of all of them would be in memory at once."""


def _statement(dataset: Dataset) -> sql.Composed:
    dating = dataset.dating
    collected, nothing = sql.SQL("array_agg(touched)"), sql.SQL("'{}'")
    return sql.SQL(read_sql("loading/unload")).format(
        table=sql.Identifier("raw", dataset.name),
        dated_by=sql.SQL("NULL::text") if dating is None else sql.Identifier(dating.field),
        stale_days=collected if dating is not None and dating.is_own else nothing,
        stale_keys=collected if dating is not None and not dating.is_own else nothing,
    )


def put_mends_back(
    connection: Connection, file: LedgerFile, limits: BatchLimits, date_order: DateOrder | None
) -> LedgerFile:
    """Replays what a person had mended of a file before it was taken out, now that its rejects are there again.

    Returns the file's account as it is then.

    Each mend is of a raw text, and goes in where that text was rejected again. What the contract of now does not
    accept stays rejected; its mend is kept for the next time.

    Raises:
        TransientError: a loader wrote one of the keys at the same moment; calling it again goes on.
    """
    assert file.dataset is not None, "only a file of a dataset is loaded"
    after = 0
    while mends := ledger.corrections_to_restore(connection, file.file_id, after, limits.records, limits.bytes):
        judge = Judge(DATASETS[file.dataset], recall(file.layout), date_order)
        lines = (MendedReject(0, file.path, file.version, m.record_no, m.raw, decode(m.corrected)) for m in mends)
        BatchReplayer(connection, file, judge).replay({line.record_no: line for line in lines})
        after = mends[-1].record_no
    if not after:
        return file
    ledger.forget_restored_corrections(connection, file.file_id)
    return ledger.file_by_id(connection, file.file_id)
