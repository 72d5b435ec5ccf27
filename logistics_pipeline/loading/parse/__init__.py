"""Parsing: a file into chunks of COPY text.

parser_process    opens a stream of chunks, in a process of its own where that pays off
parsers           reads a file as chunks: the fast parser first, the reference parser for the rest
fast_json         the fast parser: JSON arrays and NDJSON, piece by piece
array_pieces, line_pieces   cut text into pieces of whole records and make chunks of them
object_lines      finds the lines of a piece that are no objects, or broken
typed_json        decodes a piece as typed objects, into columns
piece_records     finds single records in a piece
held_records      records that wait for what their whole file proves of its dates
chunks            what both parsers make: rows as COPY text, rejects, a checkpoint
written_rejects   rejects as rows for COPY, with their numbers by kind
"""
