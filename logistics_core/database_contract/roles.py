"""Roles of the database."""

READER = "logistics_reader"
"""May read everything and change nothing: what the API connects as. `logistics migrate` creates it."""
