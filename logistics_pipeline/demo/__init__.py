"""Sample data: a plausible haulier's files, for the demo, for tests by hand and for benchmarks. Never imports Dagster.

`generator` is the way in. `geography` knows cities and routes, `seasons` when trucks drive, `records` what a record
of each dataset looks like, `spoiling` what senders get wrong, `layouts` how records stand in a file, `writing` how a
file appears all at once.
"""
