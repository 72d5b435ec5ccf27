"""What changes while a client watches, as server-sent events."""
