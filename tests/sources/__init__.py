"""Sources against servers: what pulls do with APIs as they are documented, and as they are on a bad day."""
