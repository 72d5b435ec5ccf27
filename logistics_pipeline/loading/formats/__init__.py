"""File formats: bytes to records.

reader            the entry: detects a file's layout, opens it at a checkpoint
detection         a file's layout, from its content; wrapped_arrays helps it
csv_header        the header of a CSV file, below whatever stands above it; column_names, csv_delimiters help it
csv_reader        CSV rows, many at a time; repeated_header finds those that are none
csv_columns       splits CSV with few irregular rows into columns; csv_rows reads those, one by one
csv_quotes        takes the quotes out of regular rows, so that they can be split
json_reader       JSON records by ijson; json_segments, json_feed, json_scanner help it
nested_records    the records that are elements of an array within each record of a file
json_names        the fields of a dataset in JSON records: by name, alias or path
error_bodies      error responses of an API, for detection
json_walk         JSON text by its events, for wrapped_arrays and field_check
json_decoding     one JSON record by itself; large_records does those of many megabytes
field_check       whether a JSON file is of its dataset at all; field_names words it
lines, lookahead  whole lines, and text read ahead of its use
record_positions  finds records in the text they were read from
"""
