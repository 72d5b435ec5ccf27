"""Transport costs and how they change."""
