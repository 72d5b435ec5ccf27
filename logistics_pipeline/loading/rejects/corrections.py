"""Restores what people had corrected in a file that was unloaded and is loaded again."""

from logistics_core.catalogue import Dataset
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.rejects.export_lines import CorrectedReject
from logistics_pipeline.loading.rejects.replay_batch import BatchReplayer


def restore_corrections(connection: Connection, file: LedgerFile, dataset: Dataset, options: LoadOptions) -> LedgerFile:
    """Replays the corrections of a file that were stored when it was unloaded, now that its rejects are there again.

    Returns the file's current status. Each correction belongs to a raw text, and is used where that text was rejected
    again. A correction that the current contract does not accept is kept for the next time.

    Raises:
        TransientError: another loader wrote one of the keys at the same moment; calling this again continues.
    """
    last = 0
    limits = options.batch
    while found := ledger.corrections_to_restore(connection, file.file_id, last, limits.records, limits.bytes):
        lines = (CorrectedReject(0, file.path, file.version, m.record_no, m.raw, decode(m.corrected)) for m in found)
        replayer = BatchReplayer(connection, file, dataset, options.date_order, options.max_rejects)
        replayer.replay({line.record_no: line for line in lines})
        last = found[-1].record_no
    if not last:
        return file
    ledger.forget_restored_corrections(connection, file.file_id)
    return ledger.file_by_id(connection, file.file_id)
