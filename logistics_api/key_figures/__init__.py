"""The key figures of a range, and how they moved."""
