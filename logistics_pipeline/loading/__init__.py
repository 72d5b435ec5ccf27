"""The loading core: one file into one raw table, exactly once. Plain Python; never imports Dagster.

source       bytes of a file, decompressed            (what is on disk)
sniffing     which layout those bytes have            (array, NDJSON, CSV, ...)
reading      the records in it, each with its place   (json_reading, csv_reading: the reference lane)
records      a record against the data contract       (a row, or a rejection with its reason)
batching     rows and rejects up to a batch's size    (where a second lane joins: it makes the same batches)
encoding     rows as text for COPY
copying      a batch into the table: COPY, or the merge path for keys seen before
failed_files the rejects of a file, ready to be mended and dropped again
loader       the whole: lock, resume, batch by batch, finish
"""
