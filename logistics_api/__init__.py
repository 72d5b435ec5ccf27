"""The HTTP API: reads what the pipeline wrote into PostgreSQL, changes nothing, never imports the pipeline."""
