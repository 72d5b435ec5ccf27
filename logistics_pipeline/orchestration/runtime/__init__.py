"""Dagster's processes: instance set-up, code server, run launchers."""
