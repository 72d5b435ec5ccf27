"""The key figures of a date range, and their trends."""
