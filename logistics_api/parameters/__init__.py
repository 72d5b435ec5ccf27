"""Query and path parameters shared by several endpoints."""
