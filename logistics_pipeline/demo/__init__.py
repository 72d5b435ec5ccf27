"""Sample data: the files of a plausible haulier, for the demo and for benchmarks. Never imports Dagster.

`generator` is the entry point. `geography` holds cities and routes, `seasons` says when trucks drive, `records` makes
valid records of each dataset, `bad_records` invalid ones, `file_formats` formats records as lines, `file_writer` writes
files atomically. `walkthrough` is the demo itself.
"""
