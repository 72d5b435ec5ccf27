"""Parsers: turn a file into chunks of COPY text, as fast as possible, in a child process for large files."""
