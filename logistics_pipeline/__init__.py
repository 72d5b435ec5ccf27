"""The pipeline: finds files, loads them into PostgreSQL, refreshes the aggregates. One Dagster code location."""
