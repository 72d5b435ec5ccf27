"""Roles of the database."""

READER = "logistics_reader"
"""May read everything and change nothing: what the API connects as. `logistics migrate` creates it.

It may call functions that write: `ingest.request_file_action`, `catalogue.request_contract_action` and
`source.request_pull`, which make requests to the pipeline (`file_requests`, `contracts`, `sources`), and those of the
schema `boards` (`boards`)."""
