"""The loading core: files into raw tables, exactly once. Plain Python; never imports Dagster.

source           bytes of a file, decompressed             (what is on disk)
sniffing         which layout those bytes have             (array, NDJSON, CSV, ...)
reading          the records in it, each with its place    (json_reading, csv_reading: the reference lane)
typed_json       arrays and NDJSON, decoded piece by piece (the fast lane)
records          a record against the data contract        (a row, or a rejection with its reason)
columns          whole columns against it, where plain     (what is not is left to records)
encoding         a row as text for COPY
chunks           what lanes make of 64 KiB of a file       (where lanes meet: rows as COPY text, rejects, a checkpoint)
lanes            which lane reads a file                   (reading_process: in a process of its own)
copying          chunks into the table, one transaction each batch
merging          ... where keys were seen before
indexes          secondary indexes, dropped for bulk loads and built behind them
loader           the whole: lock, resume, batch by batch, finish
failed_files     the rejects of a file, ready to be mended and dropped again
replaying        rejects that are taken in after all       (rejudging, rereading, reject_lines, resolving)
taking_out       a file's rows and rejects out again
reject_limit     how many rejects make a file a bad one
"""
