"""Roles of the database."""

READER = "logistics_reader"
"""May read everything and change nothing: what the API reads as. `logistics migrate` creates it."""

OPERATOR = "logistics_operator"
"""May call the functions that change something, each of which does one thing, and neither read nor write a table: what
the API changes something as. `logistics migrate` creates it."""
