"""The loading core: files into raw tables, exactly once. Plain Python; never imports Dagster.

loader            loads one file: lock, resume, batch by batch, finish
options           limits, folders and retry time of a load
formats/          detects a file's layout and reads its records        (bytes to records)
contract/         checks records and columns against the data contract  (a record to a row or a rejection)
parse/            turns a file into chunks of COPY text: the fast parser, and the reference parser for the rest
write/            chunks into the table: COPY, merge, secondary indexes
rejects/          exports rejected records, checks them again, replays them
removal, unload   a file's rows and rejects out of the database again
abandoned_files   closes the status of files that nobody loads any more
reject_limit      how many rejects fail a file
file_lock         one loader per file
layouts, excerpts plain data at the bottom: a file's layout, text from files made safe for messages
"""
