"""The loading core: files into raw tables, exactly once.

Plain Python: it never imports Dagster and knows no dataset by name. Each module calls only those below it.

unload            removes a file's rows because a person asks for it
loader            loads files through one connection, retrying while the database fails
file_load         one attempt at loading one file
finishing         what ends an attempt: corrections, failed files, the file's status
rejects/          exports rejected records, validates them again, replays them
write/            chunks into the table: COPY, merge, isolation of refused rows, removal, secondary indexes
parse/            a file into chunks of COPY text: the fast parser, and the reference parser for everything else
formats/          detects a file's layout and reads its records        (bytes to records)
contract/         validates records and columns against the data contract  (a record to a row or a rejection)
options           the catalogue, limits, folders and retry time of a load
abandoned_files   closes the status of files that nobody loads any more
reject_limit      how many rejects make a file fail
file_lock         one process per file
database_retry    repeats work while the database fails with transient errors
file_dataset      the dataset of a file in the ledger
layouts, excerpts plain data at the bottom: a file's layout and records, text made safe for messages
"""
