"""The pipeline's database connections, and work on the database that belongs to no file: housekeeping, API keys."""
