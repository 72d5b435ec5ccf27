"""The HTTP API: reads what the pipeline wrote to PostgreSQL, read-only, and never imports the pipeline."""
