"""Statements about API keys."""

KEYS = """
-- Finds the keys that are not revoked; expiry is checked in memory.
-- One row per key: digest, name, scopes, requests per second, expiry as seconds since 1970.
-- Reads access.keys.
SELECT digest, name, scopes, requests_per_second::double precision, extract(epoch FROM expires_at)::double precision
FROM access.keys
WHERE revoked_at IS NULL
ORDER BY key_id
"""
