"""File formats: bytes to records.

reader            the entry: detects a file's layout, opens it at a checkpoint
detection         a file's layout, from its content; csv_delimiters, wrapped_arrays help it
csv_reader        CSV rows
json_reader       JSON records by ijson; json_segments, flat_objects, json_feed, json_scanner help it
lines, lookahead  whole lines, and text read ahead of its use
record_positions  finds records in the text they were read from
"""
