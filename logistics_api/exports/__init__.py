"""Exports all rows that match a filter as one file: streamed from one snapshot and verifiably complete."""
