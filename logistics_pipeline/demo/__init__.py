"""Sample data: a plausible haulier's files, for the demo and for benchmarks. Never imports Dagster.

`generator` is the entry point. `geography` holds cities and routes, `seasons` says when trucks drive, `records` makes a
valid record of each dataset, `bad_records` makes invalid ones, `file_formats` lays records out in a file, `file_writer`
makes a file appear all at once.
"""
