"""All rows that pass a filter as one file: one snapshot, streamed, and known to be whole when it has arrived."""
