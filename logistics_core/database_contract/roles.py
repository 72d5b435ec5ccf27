"""Roles of the database."""

READER = "logistics_reader"
"""May read everything and change nothing: what the API connects as. `logistics migrate` creates it.

It may call one function that writes, `ingest.request_file_action`, see `file_requests`."""
