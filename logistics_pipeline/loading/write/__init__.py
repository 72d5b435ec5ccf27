"""Writing: chunks into the raw tables.

removal          takes all of a file out of the database again
batch_writer     writes a batch of chunks as one transaction: COPY, else replace, else merge, else isolate refused rows
batch            the chunks of one transaction
row_isolation    merges rows and finds those that PostgreSQL refuses
bookkeeping      what a merge changes beside the rows: other files' counts, stale days and keys
history          keeps records that a merge supersedes
restoring        brings them back when the file that superseded them is removed
merger           merges rows whose keys may be in the table already
replacing        replaces rows by later ones of their keys, where nothing else is to be done
statement_parts  parts of the statements of both
shortened_ids    counts ids that a spreadsheet has shortened
indexes          drops secondary indexes for a bulk load and builds them again
"""
