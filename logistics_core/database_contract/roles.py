"""Roles of the database."""

READER = "logistics_reader"
"""May read everything and change nothing: what the API connects as. `logistics migrate` creates it.

It may call two functions that write, `ingest.request_file_action` and `catalogue.request_contract_action`: see
`file_requests` and `contracts`."""
