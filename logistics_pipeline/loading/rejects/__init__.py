"""Rejected records: exported for people, validated again, replayed.

corrections       restores what people had corrected, after a file was loaded again
replay            replays an export, or stored rejects, batch by batch
replay_batch      one batch of a replay, in one transaction
replay_results    what a replay did
revalidation      validates a reject again, corrected or as it was
export_lines      the lines of an export, written and read
failed_files      a file's rejects as a file under `data/failed`
reread            reads one raw record by itself; writes records as JSON
"""
