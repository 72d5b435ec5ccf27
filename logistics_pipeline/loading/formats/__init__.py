"""File formats: bytes to records.

reader            the entry: detects a file's layout, opens it at a checkpoint
detection         a file's layout, from its content; wrapped_arrays helps it
csv_header        the header of a CSV file, below whatever stands above it; column_names, csv_delimiters help it
csv_reader        CSV rows, many at a time; csv_rows reads irregular ones, repeated_header finds those that are none
json_reader       JSON records by ijson; json_segments, json_feed, json_scanner help it
lines, lookahead  whole lines, and text read ahead of its use
record_positions  finds records in the text they were read from
"""
