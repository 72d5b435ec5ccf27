"""Writes to the raw tables: COPY, merge, secondary indexes."""
